import type { AttentionSpec } from '../attention/spec.ts';
import { TILE } from '../layout/pages.ts';

/**
 * Queries attended to together: a tile of keys, so that a block wastes half a tile of masked keys
 * on average. The values of a page are formed once for all of them.
 */
export const QUERY_BLOCK = TILE;

/** Below this many queries each one is decoded on its own: no dense tile pays off. */
export const PREFILL_MINIMUM = 3;

/**
 * Whether a block of queries should form each head's keys (cost h R_K d a key, then h d a query
 * and key, and h R_Q d a query for Q) or contract factors (R_Q R_K (d + h) a query and key; with
 * a full query h R_K d).
 */
export function hasDenseKeys(
  spec: AttentionSpec,
  rankQ: number,
  queries: number,
  keys: number,
): boolean {
  const { heads, headDim, rankK } = spec;
  const factored = rankQ > 0 ? rankQ * rankK * (headDim + heads) : heads * rankK * (headDim + 1);
  const dense =
    heads * headDim + (heads * rankK * headDim) / queries + (heads * rankQ * headDim) / keys;
  return dense < factored;
}
