import { invalidCheckpoint } from '../errors.ts';
import type { GgufMetadata } from './metadata.ts';

/** What a token of the vocabulary is for, by its number in the file. */
const TOKEN_TYPES = 'undefined normal unknown control user unused byte'.split(' ');

/** The tokens of a file, by their ids. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly string[];
}

/** An entry of `added_tokens` in tokenizer.json. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
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

/** Token -> id, without the padding that only fills up the embedding; undefined where one is twice. */
export function idsOf({ tokens, types }: GgufVocabulary): ReadonlyMap<string, number> | undefined {
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (types[id] === 'unused') continue;
    if (token === '' || ids.has(token)) return undefined;
    ids.set(token, id);
  }
  return ids;
}

/** Tokens that are matched in the text before it is split. */
export function addedTokens({ tokens, types }: GgufVocabulary): AddedToken[] {
  const added: AddedToken[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = types[id];
    if (type !== 'control' && type !== 'user' && type !== 'unknown') continue;
    added.push({ id, content, special: type !== 'user', ...AS_WRITTEN });
  }
  return added;
}

const AS_WRITTEN = { single_word: false, lstrip: false, rstrip: false, normalized: false };
