import { bpeTokenizer, type GgufVocabulary, idsOf } from './vocabulary.ts';
import type { JsonObject } from '../files/json.ts';

/** How text is cut before pairs are merged. */
interface Splitting {
  readonly normalizer: JsonObject | null;
  readonly preTokenizer: JsonObject;
  /** Whether a piece that is a token is taken as it is, even where no merges lead to it. */
  readonly ignoresMerges: boolean;
}

/** Cuts by the pattern of GPT-2, which the byte-level step holds itself. */
const GPT2 = byteLevel(true);

function byteLevel(usesPattern: boolean): JsonObject {
  return { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: usesPattern };
}

function sequence(...steps: JsonObject[]): JsonObject {
  return { type: 'Sequence', pretokenizers: steps };
}

/** The pattern of LLaMA 3 and of Qwen 2, which differ in how many digits stay together. */
function splitBy(digits: string): JsonObject {
  const pattern =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
    `${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
  return sequence(
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    byteLevel(false),
  );
}

const GPT2_SPLITTING: Splitting = { normalizer: null, preTokenizer: GPT2, ignoresMerges: false };
const LLAMA3_SPLITTING: Splitting = {
  normalizer: null,
  preTokenizer: splitBy('\\p{N}{1,3}'),
  ignoresMerges: true,
};
const QWEN2_SPLITTING: Splitting = {
  normalizer: { type: 'NFC' },
  preTokenizer: splitBy('\\p{N}'),
  ignoresMerges: false,
};
const SMOLLM_SPLITTING: Splitting = {
  normalizer: null,
  preTokenizer: sequence({ type: 'Digits', individual_digits: true }, GPT2),
  ignoresMerges: false,
};

/** By `tokenizer.ggml.pre`; files without it were written before there was any but GPT-2's. */
const SPLITTINGS: ReadonlyMap<string, Splitting> = new Map([
  ['gpt-2', GPT2_SPLITTING],
  ['llama-bpe', LLAMA3_SPLITTING],
  ['llama3', LLAMA3_SPLITTING],
  ['llama-v3', LLAMA3_SPLITTING],
  ['qwen2', QWEN2_SPLITTING],
  ['deepseek-r1-qwen', QWEN2_SPLITTING],
  ['smollm', SMOLLM_SPLITTING],
]);

/**
 * tokenizer.json of a byte-level BPE vocabulary, or why there is none.
 *
 * @param pre `tokenizer.ggml.pre`
 * @param merges pairs of tokens with a space between, in their order
 */
export function byteLevelTokenizer(
  vocabulary: GgufVocabulary,
  pre: string | undefined,
  merges: readonly string[],
): JsonObject | string {
  const splitting = SPLITTINGS.get(pre ?? '');
  if (!splitting) return 'its way to split text is not known';
  const ids = idsOf(vocabulary);
  if (!ids) return 'a token is empty or there twice';
  const pairs = merges.map((merge) => merge.split(' '));
  const isWhole = pairs.every((pair) => pair.length === 2 && ids.has(pair.join('')));
  if (!isWhole) return 'a merge does not give a token';
  const steps = {
    normalizer: splitting.normalizer,
    pre_tokenizer: splitting.preTokenizer,
    post_processor: null,
    decoder: { ...GPT2, add_prefix_space: true },
  };
  const { ignoresMerges: ignore_merges } = splitting;
  const model = { unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges };
  return bpeTokenizer(vocabulary, ids, steps, { ...model, merges: pairs });
}
