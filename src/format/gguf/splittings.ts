import type { JsonObject } from '../files/json.ts';

/** How text is cut before pairs are merged. */
export interface Splitting {
  readonly normalizer: JsonObject | null;
  readonly preTokenizer: JsonObject;
  /** Whether a piece that is a token is taken as it is, even where no merges lead to it. */
  readonly ignoresMerges: boolean;
  /** Whether a text begins with BOS unless the file says otherwise. */
  readonly startsWithBos: boolean;
}

/** Cuts by the pattern of GPT-2, which the byte-level step holds itself. */
export const GPT2 = byteLevel(true);

const NFC: JsonObject = { type: 'NFC' };
const DIGITS: JsonObject = { type: 'Digits', individual_digits: true };

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const BLANKS = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const CAPITALS = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const SMALL_LETTERS = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const IDEOGRAPHS = '[一-龥ࠀ-一가-퟿]+';

/** The patterns of LLaMA 3 and of Qwen 2, which differ in how many digits stay together. */
function wordsOf(digits: string, marks = '[^\\s\\p{L}\\p{N}]+[\\r\\n]*'): string {
  return `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?${marks}|${BLANKS}`;
}

/** The patterns of GPT-4o and of tekken, which cut before a capital inside of a word. */
function casedWordsOf(digits: string, ending = ''): string {
  const word = (capitals: string, small: string): string =>
    `[^\\r\\n\\p{L}\\p{N}]?${CAPITALS}${capitals}${SMALL_LETTERS}${small}${ending}`;
  const marks = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*';
  return `${word('*', '+')}|${word('+', '*')}|${digits}|${marks}|${BLANKS}`;
}

/** DeepSeek LLM writes its letters out: the cased ones of Unicode 12. */
const CASED_LETTERS =
  'A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅ' +
  'ὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯ' +
  'ꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃';

const DEEPSEEK_WORDS =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|' +
  ` ?[\\p{P}\\p{S}]+[\\r\\n]*|${BLANKS}`;

function byteLevel(usesPattern: boolean): JsonObject {
  return { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: usesPattern };
}

function split(pattern: string): JsonObject {
  return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
}

function splitting(steps: JsonObject[], options: Partial<Splitting> = {}): Splitting {
  const preTokenizer = { type: 'Sequence', pretokenizers: steps };
  return { normalizer: null, preTokenizer, ignoresMerges: false, startsWithBos: false, ...options };
}

/** Cuts by one pattern after another. */
function patterns(sources: readonly string[], options: Partial<Splitting> = {}): Splitting {
  return splitting([...sources.map(split), byteLevel(false)], options);
}

const WITH_BOS = { ignoresMerges: true, startsWithBos: true };
const LLAMA3 = patterns([wordsOf('\\p{N}{1,3}')], WITH_BOS);
/** The same pattern, whose models only say themselves whether a text begins with BOS. */
const CL100K = patterns([wordsOf('\\p{N}{1,3}')]);
const QWEN2 = patterns([wordsOf('\\p{N}')], { normalizer: NFC });
const STARCODER = splitting([DIGITS, GPT2]);
const GPT4O = patterns([casedWordsOf('\\p{N}{1,3}', `${CONTRACTIONS}?`)]);

/** By `tokenizer.ggml.pre`: those whose tokenizer.json is known, of models in our architectures. */
export const SPLITTINGS: ReadonlyMap<string, Splitting> = new Map([
  ['gpt-2', splitting([GPT2])],
  ['phi-2', splitting([GPT2])],
  ['olmo', splitting([GPT2], { normalizer: NFC })],
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['falcon3', LLAMA3],
  ['dbrx', CL100K],
  ['smaug-bpe', CL100K],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', QWEN2],
  ['gpt-4o', GPT4O],
  ['llama4', GPT4O],
  ['tekken', patterns([casedWordsOf('\\p{N}')], WITH_BOS)],
  ['smollm', STARCODER],
  ['starcoder', STARCODER],
  ['refact', STARCODER],
  ['command-r', splitting([DIGITS, GPT2], { normalizer: NFC })],
  ['seed-coder', patterns([wordsOf('\\p{N}{1}', '[^\\s\\p{L}\\p{N}\\r\\n]+')])],
  [
    'deepseek-llm',
    splitting([
      ...['[\\r\\n]', `\\s?[${CASED_LETTERS}]+`, '\\s?[!-/:-~！-／：-～‘-‟　-。]+'].map(split),
      ...['\\s+$', IDEOGRAPHS].map(split),
      DIGITS,
      byteLevel(false),
    ]),
  ],
  [
    'deepseek-coder',
    splitting([
      ...['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', IDEOGRAPHS].map(split),
      DIGITS,
      byteLevel(false),
    ]),
  ],
  ['deepseek-v3', patterns(['\\p{N}{1,3}', '[一-龥぀-ゟ゠-ヿ]+', DEEPSEEK_WORDS])],
  [
    'falcon',
    splitting([
      { type: 'Punctuation', behavior: 'Contiguous' },
      GPT2,
      { type: 'Digits', individual_digits: false },
      split('[0-9][0-9][0-9]'),
    ]),
  ],
  // What llama.cpp takes for files whose writer knew none of these.
  [
    'default',
    splitting([
      split('[\\p{P}$+<=>^~|]+'),
      GPT2,
      { type: 'Digits', individual_digits: false },
      split('[0-9][0-9][0-9]'),
    ]),
  ],
]);
