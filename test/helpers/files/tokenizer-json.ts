import { readFileSync } from 'node:fs';
import { ALPHABET } from '../../../src/text/tokenizer/byte-level.ts';

/** Fields of a tokenizer.json that a test sets. */
export interface TokenizerParts {
  readonly added_tokens?: readonly AddedTokenJson[];
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly post_processor?: unknown;
  readonly decoder?: unknown;
  /** Options of the model. */
  readonly model?: object;
}

export interface AddedTokenJson {
  readonly content: string;
  readonly special?: boolean;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
}

/** A byte-level tokenizer.json that was trained on tales: 2,048 ids, of which 256 is `<|end|>`. */
export const TRAINED_JSON = readFileSync(
  new URL('../../fixtures/byte_level_tokenizer.json', import.meta.url),
  'utf8',
);

type Merge = readonly [left: string, right: string];

export const BYTE_LEVEL = {
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
};

const TO_SPACES = [
  { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
  { type: 'Strip', content: ' ', start: 1, stop: 0 },
];

/** A vocabulary of bytes, ids 0 … 255, and merges. */
export function byteLevelJson(merges: readonly Merge[], parts: TokenizerParts = {}): object {
  const steps = { pre_tokenizer: BYTE_LEVEL, decoder: BYTE_LEVEL };
  return tokenizerJson(ALPHABET, merges, { ...steps, ...parts });
}

/** A vocabulary of characters: 0 is unknown, 1 and 2 begin and end a text, 3 … 258 are bytes. */
export function characterJson(
  characters: Iterable<string>,
  merges: readonly Merge[],
  parts: TokenizerParts = {},
): object {
  const bytes = ALPHABET.map((_, byte) => {
    return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  });
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...characters];
  const model = { unk_token: '<unk>', fuse_unk: true, byte_fallback: true, ...parts.model };
  const decoder = { type: 'Sequence', decoders: TO_SPACES };
  return tokenizerJson(tokens, merges, { decoder, ...parts, model });
}

function tokenizerJson(
  tokens: readonly string[],
  merges: readonly Merge[],
  { added_tokens = [], model, ...steps }: TokenizerParts,
): object {
  const names = new Set([...tokens, ...merges.map((merge) => merge.join(''))]);
  const vocab = Object.fromEntries(Array.from(names, (name, id) => [name, id]));
  let next = names.size;
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const added = added_tokens.map((token) => {
    return { id: vocab[token.content] ?? next++, ...flags, special: false, ...token };
  });
  const options = { dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false };
  const affixes = { continuing_subword_prefix: null, end_of_word_suffix: null };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...steps,
    model: { type: 'BPE', ...options, ...affixes, ignore_merges: false, ...model, vocab, merges },
  };
}

/** Characters that are tokens, from id 2 on; 0 stands for all others, 1 begins a text if it is asked for. */
const CHARACTERS = 'abcdefghijklmnopqrstuvwxyz \n:.?ABCDQ0123456789';
/** Tokens of two characters, as words of a language begin with a space. */
const PAIRS = [' a', ' b', ' c', ' A', ' B', '\n\n', 'no', 'ye'];

/** Ids of texts that begin with BOS. */
export const BOS = 1;

/** A tokenizer.json of 57 tokens, few enough for the smallest models of the tests. */
export function lettersJson({ beginsWithBos = false } = {}): object {
  const names = ['<unk>', '<s>', ...CHARACTERS, ...PAIRS];
  return {
    added_tokens: [{ id: BOS, content: '<s>', special: true }],
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      merges: PAIRS.map((pair) => [...pair]),
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
    },
    ...(beginsWithBos ? { post_processor: BEGINS_WITH_BOS } : {}),
  };
}

const BEGINS_WITH_BOS = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  special_tokens: { '<s>': { id: '<s>', ids: [BOS], tokens: ['<s>'] } },
};
