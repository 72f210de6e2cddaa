import type { JsonObject } from '../../files/json.ts';

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

const GPT2_WORDS =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const BLANKS = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const CAPITALS = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const SMALL_LETTERS = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';

/** The patterns of LLaMA 3 and of Qwen 2, which differ in how many digits stay together. */
function wordsOf(
  digits: string,
  marks = '[^\\s\\p{L}\\p{N}]+[\\r\\n]*',
  letters = '\\p{L}',
): string {
  return `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?${letters}+|${digits}| ?${marks}|${BLANKS}`;
}

/** The patterns of GPT-4o and of tekken, which cut before a capital inside of a word. */
function casedWordsOf(digits: string, ending = ''): string {
  const word = (capitals: string, small: string): string =>
    `[^\\r\\n\\p{L}\\p{N}]?${CAPITALS}${capitals}${SMALL_LETTERS}${small}${ending}`;
  const marks = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*';
  return `${word('*', '+')}|${word('+', '*')}|${digits}|${marks}|${BLANKS}`;
}

/** DeepSeek LLM writes its letters out: cased ones, by their code points. */
const CASED_LETTERS = ranges(
  '41-5a 61-7a b5 c0-d6 d8-f6 f8-1ba 1bc-1bf 1c4-293 295-2af 370-373 376-377 37b-37d 37f 386 ' +
    '388-38a 38c 38e-3a1 3a3-3f5 3f7-481 48a-52f 531-556 10a0-10c5 13a0-13f5 13f8-13fd 1c90-1cba ' +
    '1cbd-1cbf 1d00-1d2b 1d6b-1d77 1d79-1d9a 1e00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 ' +
    '1f59 1f5b 1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fbc 1fbe 1fc2-1fc4 1fc6-1fcc 1fd0-1fd3 1fd6-1fdb ' +
    '1fe0-1fec 1ff2-1ff4 1ff6-1ffc 2102 2107 210a-2113 2115 2119-211d 2124 2126 2128 212a-212d ' +
    '212f-2134 2139 213c-213f 2145-2149 214e 2183-2184 2c00-2c7b 2c7e-2ce4 2ceb-2cee 2cf2-2cf3 ' +
    'a640-a66d a680-a69b a722-a76f a771-a787 a78b-a78e ab70-abbf fb00-fb06 fb13-fb17 ff21-ff3a ' +
    'ff41-ff5a 10400-1044f 104b0-104d3 104d8-104fb 10c80-10cb2 10cc0-10cf2 118a0-118df 1e900-1e943',
);
const MARKS = ranges('21-2f 3a-7e ff01-ff0f ff1a-ff5e 2018-201f 3000-3002');
const IDEOGRAPHS = ranges('4e00-9fa5 800-4e00 ac00-d7ff');
const IDEOGRAPHS_AND_KANA = ranges('4e00-9fa5 3040-309f 30a0-30ff');

/** A class of characters by their code points, which editors and normal forms leave alone. */
function ranges(codes: string): string {
  const characters = codes.replaceAll(/[0-9a-f]+/g, (code) =>
    String.fromCodePoint(parseInt(code, 16)),
  );
  return `[${characters.replaceAll(' ', '')}]`;
}

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

const ONE_DIGIT = '\\p{N}';
const THREE_DIGITS = '\\p{N}{1,3}';
const WITH_BOS = { ignoresMerges: true, startsWithBos: true };
const DEEPSEEK_LLM = [
  ...['[\\r\\n]', `\\s?${CASED_LETTERS}+`, `\\s?${MARKS}+`].map(split),
  ...['\\s+$', `${IDEOGRAPHS}+`].map(split),
];
const DEEPSEEK_CODER = ['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', `${IDEOGRAPHS}+`].map(split);
const FALCON = [
  { type: 'Punctuation', behavior: 'Contiguous' },
  GPT2,
  { type: 'Digits', individual_digits: false },
  split('[0-9][0-9][0-9]'),
];
const VIKING_WORDS = ' ?[^(\\s|.,!?…。，、।۔،)]+';

/** Splittings, and by which names `tokenizer.ggml.pre` has them in files of our architectures. */
const NAMED: readonly (readonly [Splitting, string])[] = [
  [splitting([GPT2]), 'gpt-2 phi-2 gigachat a.x-4.0 mellum trillion jais exaone4 granite-docling'],
  [splitting([GPT2], { normalizer: NFC }), 'olmo mpt'],
  [
    patterns([wordsOf(THREE_DIGITS)], WITH_BOS),
    'llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2',
  ],
  // The same pattern, whose models only say themselves whether a text begins with BOS.
  [patterns([wordsOf(THREE_DIGITS)]), 'dbrx smaug-bpe glm4 chatglm-bpe'],
  [patterns([wordsOf(ONE_DIGIT)], { normalizer: NFC }), 'qwen2 deepseek-r1-qwen megrez kormo'],
  [patterns([wordsOf(ONE_DIGIT)]), 'stablelm2 hunyuan grok-2'],
  [
    patterns([wordsOf(ONE_DIGIT, '[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*', '[\\p{L}\\p{M}]')], {
      normalizer: NFC,
    }),
    'qwen35',
  ],
  [patterns([wordsOf('\\p{N}{1}', '[^\\s\\p{L}\\p{N}\\r\\n]+')]), 'seed-coder'],
  [
    patterns([casedWordsOf(THREE_DIGITS, `${CONTRACTIONS}?`)]),
    'gpt-4o llama4 kanana2 talkie minimax-m2',
  ],
  [patterns([casedWordsOf(ONE_DIGIT)], WITH_BOS), 'tekken'],
  [splitting([DIGITS, GPT2]), 'smollm starcoder refact codeshell exaone minerva-7b'],
  [splitting([DIGITS, GPT2], { normalizer: NFC }), 'command-r'],
  [splitting([...DEEPSEEK_LLM, DIGITS, byteLevel(false)]), 'deepseek-llm'],
  [splitting([...DEEPSEEK_CODER, DIGITS, byteLevel(false)]), 'deepseek-coder'],
  [
    patterns([THREE_DIGITS, `${IDEOGRAPHS_AND_KANA}+`, DEEPSEEK_WORDS]),
    'deepseek-v3 hunyuan-dense',
  ],
  [splitting(FALCON), 'falcon'],
  [patterns([VIKING_WORDS, ONE_DIGIT]), 'viking'],
  // What llama.cpp takes for files whose writer knew none of these.
  [patterns(['[\\p{P}$+<=>^~|]+', GPT2_WORDS, '\\p{N}+', '[0-9][0-9][0-9]']), 'default'],
];

/** By `tokenizer.ggml.pre`: those whose tokenizer.json is known, of models in our architectures. */
export const SPLITTINGS: ReadonlyMap<string, Splitting> = new Map(
  NAMED.flatMap(([how, names]) => names.split(' ').map((name) => [name, how] as const)),
);
