import { GPT2, SPLITTINGS } from './splittings.ts';
import { bpeTokenizer, type GgufVocabulary, idsOf } from './tokens.ts';
import type { JsonObject } from '../../files/json.ts';
import { TextTable } from '../../../base/text-table.ts';

/**
 * tokenizer.json of a byte-level BPE vocabulary, or why there is none.
 *
 * @param pre `tokenizer.ggml.pre`
 * @param merges pairs of tokens with a space between, in their order
 * @param isPacked whether the vocabulary may be a table and merges ids, as `parseTokenizerJson` gives
 *   them
 */
export function byteLevelTokenizer(
  vocabulary: GgufVocabulary,
  pre: string | undefined,
  merges: readonly string[],
  isPacked = false,
): JsonObject | string {
  const splitting = SPLITTINGS.get(pre ?? 'default');
  if (!splitting) return 'its way to split text is not known';
  const steps = {
    normalizer: splitting.normalizer,
    pre_tokenizer: splitting.preTokenizer,
    post_processor: null,
    decoder: { ...GPT2, add_prefix_space: true },
  };
  const { ignoresMerges: ignore_merges } = splitting;
  const model = { unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges };
  const packed = isPacked ? pack(vocabulary, merges) : undefined;
  if (packed)
    return bpeTokenizer(vocabulary, packed.vocab, steps, { ...model, merges: packed.ids });
  const ids = idsOf(vocabulary);
  if (!ids) return 'a token is there twice';
  const pairs = merges.map((merge) => merge.split(' '));
  const isWhole = pairs.every((pair) => pair.length === 2 && ids.has(pair.join('')));
  if (!isWhole) return 'a merge does not give a token';
  return bpeTokenizer(vocabulary, Object.fromEntries(ids), steps, { ...model, merges: pairs });
}

/** Undefined for tokens and merges that do not fit together. */
function pack(
  { tokens, types }: GgufVocabulary,
  merges: readonly string[],
): { vocab: TextTable; ids: Int32Array } | undefined {
  const vocab = new TextTable();
  for (const [id, token] of tokens.entries()) {
    if (types[id] === 'unused' || token === '') continue;
    if (vocab.has(token)) return undefined;
    vocab.set(token, id);
  }
  vocab.seal();
  const ids = new Int32Array(3 * merges.length);
  for (const [rank, merge] of merges.entries()) {
    const [left = '', right = '', ...more] = merge.split(' ', 3);
    const merged = [vocab.get(left), vocab.get(right), vocab.get(left + right)];
    if (more.length > 0 || merged.includes(undefined)) return undefined;
    ids.set(merged as number[], 3 * rank);
  }
  return { vocab, ids };
}
