import { BYTE_PIECES, byteLevelAlphabet } from '../../helpers/files/gguf-vocabulary.ts';
import type { Draw } from '../draw.ts';
import { mutated } from '../mutate.ts';
import { drawPattern } from './pattern-source.ts';

type Json = Readonly<Record<string, unknown>>;

/** A tokenizer.json, and what must hold for its texts. */
export interface TokenizerJson {
  /** Every text comes back as it was. */
  readonly isLossless: boolean;
  /** Tokens are written as published files do it, so that pieces of a text join to the whole. */
  readonly isJoining: boolean;
  readonly json: Json;
}

const BYTE_MERGES = ['t h', 'th e', 'Ġ the', 'i n', 'Ġ Ġ', 'ĠĠ ĠĠ', 'a a', 'aa aa', 'Ċ Ċ', 'Ã ©'];
const PIECE_MERGES = ['t h', 'th e', '▁ the', '▁ ▁', '▁▁ ▁▁', 'a a', 'aa aa', 'O n'];

/** Vocabularies of the three kinds in use: of bytes, of pieces with bytes to fall back on, of letters. */
const MODELS: Readonly<Record<string, Json>> = {
  bytes: bpe(byteLevelAlphabet(), BYTE_MERGES),
  pieces: bpe(['<unk>', '<s>', '</s>', ...BYTE_PIECES, ...'▁theinaOncup'], PIECE_MERGES, {
    unk_token: '<unk>',
    byte_fallback: true,
    fuse_unk: true,
  }),
  letters: bpe(['<unk>', ...'abcdethxinO .,12'], ['t h', 'a a'], { unk_token: '<unk>' }),
};

function bpe(letters: readonly string[], merges: readonly string[], more: Json = {}): Json {
  const tokens = new Set([...letters, ...merges.map((merge) => merge.replace(' ', ''))]);
  const vocab = Object.fromEntries(Array.from(tokens, (token, id) => [token, id]));
  return { type: 'BPE', vocab, merges, ...more };
}

const BYTE_LEVEL = {
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: true,
};
const SPM_NORMALIZER = sequence('normalizers', [
  { type: 'Prepend', prepend: '▁' },
  { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
]);
const SPM_DECODER = sequence('decoders', [
  { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
  { type: 'Strip', content: ' ', start: 1, stop: 0 },
]);
/** A template of texts and special tokens, as LLaMA's. */
const TEMPLATE = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
};
const FORMS: readonly Json[] = [
  { model: MODELS['bytes'], pre_tokenizer: BYTE_LEVEL, decoder: BYTE_LEVEL },
  { model: MODELS['pieces'], normalizer: SPM_NORMALIZER, decoder: SPM_DECODER },
  { model: MODELS['letters'], pre_tokenizer: { type: 'Whitespace' } },
];
const KEYS =
  'type pattern content behavior invert individual_digits prepend_scheme split replacement add_prefix_space use_regex start stop special normalized lstrip rstrip single_word id dropout unk_token byte_fallback ignore_merges continuing_subword_prefix end_of_word_suffix'.split(
    ' ',
  );
const BEHAVIORS = ['Isolated', 'Removed', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];

/** A form in use, with other steps, with other tokens, or changed anywhere. */
export function drawTokenizerJson(draw: Draw): TokenizerJson {
  // a vocabulary of bytes takes ten times as long to read as one of letters
  const form = draw.chance(0.6) ? FORMS[2]! : draw.pick(FORMS);
  const added = draw.chance(0.6) ? drawAdded(draw, form) : [];
  const steps = draw.chance(0.7) ? drawSteps(draw) : {};
  const post = draw.chance(0.1) ? { post_processor: TEMPLATE } : {};
  const { model, ...rest }: Json = { ...form, added_tokens: added, ...steps, ...post };
  const json = draw.chance(0.7) ? { ...rest, model } : changed(draw, rest, model as Json);
  const isWhole = json['model'] === model;
  const isJoining = isWhole && json['decoder'] === form['decoder'];
  const isLossless =
    isJoining &&
    form === FORMS[0] &&
    !('normalizer' in rest) &&
    json['pre_tokenizer'] === BYTE_LEVEL &&
    added.length === 0;
  return { isLossless, isJoining, json };
}

/** The vocabulary is mostly left as it is: it has most of the places. */
function changed(draw: Draw, rest: Json, model: Json): Json {
  if (draw.chance(0.15)) return Object(mutated({ ...rest, model }, draw, KEYS)) as Json;
  const { vocab, merges, ...options } = model;
  const others = draw.chance(0.3) ? (mutated(options, draw, KEYS) as object) : options;
  const around = mutated(rest, draw, KEYS) as object;
  return { ...around, model: { ...others, vocab, merges } };
}

function drawSteps(draw: Draw): Json {
  const all = {
    normalizer: stepsOf(draw, 'normalizers', drawNormalizer),
    pre_tokenizer: stepsOf(draw, 'pretokenizers', drawPreTokenizer),
    decoder: stepsOf(draw, 'decoders', drawDecoder),
  };
  return Object.fromEntries(Object.entries(all).filter(() => draw.chance(0.6)));
}

function stepsOf(draw: Draw, key: string, one: (draw: Draw) => Json): Json {
  if (draw.chance(0.4)) return one(draw);
  const steps = draw.some(20, () => one(draw));
  // published decoders and pre-tokenizers of bytes end in one
  if (key !== 'normalizers' && draw.chance(0.5)) steps.push(BYTE_LEVEL);
  return sequence(key, draw.chance(0.1) ? [sequence(key, steps)] : steps);
}

function sequence(key: string, steps: readonly Json[]): Json {
  return { type: 'Sequence', [key]: steps };
}

function patternOf(draw: Draw): Json {
  return draw.chance(0.5) ? { String: short(draw) } : { Regex: drawPattern(draw).source };
}

function short(draw: Draw): string {
  return draw.chance(0.3) ? draw.pick([' ', '▁', 'a', '', '\n', 'aa']) : draw.text(8);
}

function drawNormalizer(draw: Draw): Json {
  const simple = ['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'ByteLevel', 'Nmt'];
  return draw.pick<() => Json>([
    () => ({ type: draw.pick(simple) }),
    () => ({ type: 'Replace', pattern: patternOf(draw), content: draw.text(70) }),
    () => ({ type: 'Prepend', prepend: short(draw) }),
  ])();
}

function drawPreTokenizer(draw: Draw): Json {
  const simple = ['Whitespace', 'WhitespaceSplit', 'UnicodeScripts'];
  const behavior = draw.pick(BEHAVIORS);
  return draw.pick<() => Json>([
    () => ({ type: draw.pick(simple) }),
    () => ({ ...BYTE_LEVEL, add_prefix_space: draw.chance(0.5), use_regex: draw.chance(0.5) }),
    () => ({ type: 'Split', pattern: patternOf(draw), behavior, invert: draw.chance(0.2) }),
    () => ({ type: 'Split', pattern: patternOf(draw), behavior, invert: draw.chance(0.2) }),
    () => ({ type: 'Digits', individual_digits: draw.chance(0.5) }),
    () => ({ type: 'Punctuation', behavior }),
    () => ({
      type: 'Metaspace',
      replacement: draw.chance(0.8) ? '▁' : short(draw),
      prepend_scheme: draw.pick(['always', 'first', 'never']),
      split: draw.chance(0.5),
    }),
  ])();
}

function drawDecoder(draw: Draw): Json {
  return draw.pick<() => Json>([
    () => ({ type: draw.pick(['ByteLevel', 'ByteFallback', 'Fuse', 'WordPiece', 'CTC']) }),
    () => ({ type: 'Replace', pattern: patternOf(draw), content: draw.text(70) }),
    () => ({
      type: 'Strip',
      content: short(draw),
      start: draw.integer(0, 3),
      stop: draw.integer(0, 3),
    }),
    () => ({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }),
  ])();
}

function drawAdded(draw: Draw, form: Json): Json[] {
  const { vocab } = form['model'] as { vocab: object };
  const first = Object.keys(vocab).length;
  const names = ['<s>', '</s>', '<|im_start|>', '<|im_end|>', '  ', 'the', '\n\n', 'é'];
  return draw
    .some(40, () => 0)
    .map((_, i) => ({
      id: first + i,
      content: i < names.length ? names[i] : draw.text(10) + i,
      special: draw.chance(0.6),
      normalized: draw.chance(0.3),
      lstrip: draw.chance(0.2),
      rstrip: draw.chance(0.2),
      single_word: draw.chance(0.2),
    }));
}
