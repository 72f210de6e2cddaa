import { invalidCheckpoint } from '../../errors.ts';
import type { JsonObject } from '../../files/json.ts';
import type { GgufMetadata } from '../metadata.ts';

/** What a token of the vocabulary is for, by its number in the file. */
export const TOKEN_TYPES = 'undefined normal unknown control user unused byte'.split(' ');
/** The number of tokens that are never text. */
export const CONTROL = TOKEN_TYPES.indexOf('control');

/** The tokens of a file, by their ids. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly string[];
}

/**
 * Reads the vocabulary; undefined where the file has none.
 *
 * @throws TpaError `CHECKPOINT_INVALID` where there are more tokens than rows of the embedding, or
 *   types that do not fit
 */
export function readVocabulary(
  metadata: GgufMetadata,
  vocabSize: number,
): GgufVocabulary | undefined {
  const tokens = metadata.texts('tokenizer.ggml.tokens');
  if (!tokens) return undefined;
  if (tokens.length > vocabSize) {
    throw invalidCheckpoint(
      '"tokenizer.ggml.tokens"',
      `at most ${vocabSize} tokens`,
      tokens.length,
    );
  }
  const numbers = metadata.numbers('tokenizer.ggml.token_type') ?? tokens.map(() => 1);
  if (numbers.length !== tokens.length) {
    const subject = '"tokenizer.ggml.token_type"';
    throw invalidCheckpoint(subject, `${tokens.length} types`, numbers.length);
  }
  const types = numbers.map((number) => {
    const type = TOKEN_TYPES[number];
    if (type !== undefined) return type;
    throw invalidCheckpoint('"tokenizer.ggml.token_type"', 'types in 0..6', number);
  });
  return { tokens, types };
}

/**
 * Token -> id, without the padding and the empty tokens that only fill up the embedding; undefined
 * where one is twice.
 */
export function idsOf({ tokens, types }: GgufVocabulary): ReadonlyMap<string, number> | undefined {
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (types[id] === 'unused' || token === '') continue;
    if (ids.has(token)) return undefined;
    ids.set(token, id);
  }
  return ids;
}

/**
 * tokenizer.json of a BPE vocabulary.
 *
 * @param vocab token -> id, an object or a table
 * @param steps what comes before and after the model
 * @param model merges, and how it treats what is no token
 */
export function bpeTokenizer(
  vocabulary: GgufVocabulary,
  vocab: object,
  steps: JsonObject,
  { unk_token, merges, ...options }: JsonObject,
): JsonObject {
  const model = { type: 'BPE', dropout: null, unk_token };
  const affixes = { continuing_subword_prefix: null, end_of_word_suffix: null };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    ...steps,
    model: { ...model, ...affixes, ...options, vocab, merges },
  };
}

/** Tokens that are matched in the text before it is split. */
function addedTokens({ tokens, types }: GgufVocabulary): JsonObject[] {
  const added: JsonObject[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = types[id];
    const isAdded = type === 'control' || type === 'user' || type === 'unknown';
    if (!isAdded || content === '') continue;
    added.push({ id, content, special: type !== 'user', ...AS_WRITTEN });
  }
  return added;
}

const AS_WRITTEN = { single_word: false, lstrip: false, rstrip: false, normalized: false };
