import { GPT2, SPLITTINGS } from './splittings.ts';
import { bpeTokenizer, type GgufVocabulary, idsOf } from './tokens.ts';
import type { JsonObject } from '../../files/json.ts';

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
  const splitting = SPLITTINGS.get(pre ?? 'default');
  if (!splitting) return 'its way to split text is not known';
  const ids = idsOf(vocabulary);
  if (!ids) return 'a token is there twice';
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
