import { materialize } from './materialize.ts';

/** Queries: aq (T, heads, rankQ) with bq (T, rankQ, headDim), or q (T, heads, headDim). */
export type AttentionQuery =
  { aq: ArrayLike<number>; bq: ArrayLike<number>; rankQ: number } | { q: ArrayLike<number> };

/** Cached factors of M tokens: ak (M, heads, rankK), bk (M, rankK, headDim), av (M, heads, rankV), bv (M, rankV, valueDim). */
export interface AttentionCache {
  ak: ArrayLike<number>;
  bk: ArrayLike<number>;
  av: ArrayLike<number>;
  bv: ArrayLike<number>;
}

/** Counts of tokens and sizes of {@link attention}. */
export interface AttentionSizes {
  /** T, the queries; query t sees the keys 0 … cached − tokens + t. */
  tokens: number;
  /** M, the cached tokens, queries included. */
  cached: number;
  heads: number;
  headDim: number;
  valueDim: number;
  rankK: number;
  rankV: number;
}

/** What {@link attention} found; the maxima are those of the tolerance in {@link attentionTolerance}. */
export interface AttentionResult {
  /** (T, heads, valueDim) */
  out: Float64Array;
  /** Largest |logit| among the visible keys. */
  maxLogit: number;
  /** Largest |V| among the visible tokens, V materialised. */
  maxValue: number;
}

/** Causal attention over cached factors: that over the queries, keys and values they stand for. */
export function attention(
  query: AttentionQuery,
  cache: AttentionCache,
  sizes: AttentionSizes,
): AttentionResult {
  const { heads, headDim, valueDim, rankK, rankV } = sizes;
  const q =
    'q' in query
      ? query.q
      : materialize(query.aq, query.bq, { heads, rank: query.rankQ, width: headDim });
  const k = materialize(cache.ak, cache.bk, { heads, rank: rankK, width: headDim });
  const v = materialize(cache.av, cache.bv, { heads, rank: rankV, width: valueDim });
  return groupedAttention(q, k, v, { ...sizes, kvHeads: heads });
}

/** Counts of tokens and sizes of {@link groupedAttention}. */
export interface GroupedSizes {
  /** T, the queries; query t sits at position cached − tokens + t. */
  tokens: number;
  /** M, the cached tokens, queries included; T where it is left out. */
  cached?: number;
  heads: number;
  /** Divides heads; query head h meets K/V head ⌊h · kvHeads / heads⌋. */
  kvHeads: number;
  headDim: number;
  valueDim: number;
  /** Latest keys that a query sees, its own included; all for 0. */
  window?: number | undefined;
}

/** What {@link groupedAttention} does where models differ. */
export interface GroupedRules {
  /** Factor of every product q · k, 1/√headDim by default. */
  scale?: number;
  /** `linear` takes the scaled products themselves as weights. */
  weights?: 'softmax' | 'linear';
  /** The key/value head of a query head. */
  kvHeadOf?: ((head: number) => number) | undefined;
}

/**
 * Textbook causal attention of query heads that share materialised keys and values.
 *
 * @param q (T, heads, headDim)
 * @param k (M, kvHeads, headDim)
 * @param v (M, kvHeads, valueDim)
 */
export function groupedAttention(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  sizes: GroupedSizes,
  rules: GroupedRules = {},
): AttentionResult {
  const { tokens, cached = tokens, heads, kvHeads, headDim, valueDim, window = 0 } = sizes;
  const { scale = 1 / Math.sqrt(headDim), weights: kind = 'softmax' } = rules;
  const kvHeadOf = rules.kvHeadOf ?? ((head: number) => Math.floor((head * kvHeads) / heads));
  const queries = new Float64Array(q); // one element type, for speed
  const keys = new Float64Array(k);
  const values = new Float64Array(v);
  const out = new Float64Array(tokens * heads * valueDim);
  let maxLogit = 0;
  let maxValue = 0;
  for (let head = 0; head < heads; head++) {
    const kvHead = kvHeadOf(head);
    for (let t = 0; t < tokens; t++) {
      const position = cached - tokens + t;
      const first = window > 0 ? Math.max(0, position + 1 - window) : 0;
      const products: number[] = [];
      for (let m = first; m <= position; m++) {
        let sum = 0;
        for (let d = 0; d < headDim; d++) {
          sum +=
            queries[(t * heads + head) * headDim + d]! *
            keys[(m * kvHeads + kvHead) * headDim + d]!;
        }
        products.push(sum * scale);
        maxLogit = Math.max(maxLogit, Math.abs(sum * scale));
      }
      const weights = kind === 'softmax' ? softmax(products) : products;
      for (const [offset, weight] of weights.entries()) {
        const from = ((first + offset) * kvHeads + kvHead) * valueDim;
        for (let e = 0; e < valueDim; e++) {
          maxValue = Math.max(maxValue, Math.abs(values[from + e]!));
          out[(t * heads + head) * valueDim + e]! += weight * values[from + e]!;
        }
      }
    }
  }
  return { out, maxLogit, maxValue };
}

/** Largest allowed |kernel − twin|, from docs/numerics.md: 1e-6 · (1 + max|logit|) · max|V|. */
export function attentionTolerance(result: AttentionResult): number {
  return 1e-6 * (1 + result.maxLogit) * result.maxValue;
}

function softmax(logits: readonly number[]): number[] {
  const max = logits.reduce((a, b) => Math.max(a, b));
  const exps = logits.map((logit) => Math.exp(logit - max));
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((exp) => exp / sum);
}
