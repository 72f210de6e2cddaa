import type { AttentionResult } from './attention.ts';

/** Counts of tokens and sizes of {@link cachedAttention}. */
export interface CachedSizes {
  /** T, the queries; query t sits at position cached − tokens + t. */
  tokens: number;
  /** M, the cached tokens, queries included. */
  cached: number;
  heads: number;
  /** Divides heads; query head h meets K/V head ⌊h · kvHeads / heads⌋. */
  kvHeads: number;
  headDim: number;
  valueDim: number;
  /** Latest keys that a query sees, its own included; 0 for all. */
  window?: number;
}

/**
 * Textbook causal attention of query heads that share K/V heads.
 *
 * @param q (T, heads, headDim)
 * @param k (M, kvHeads, headDim)
 * @param v (M, kvHeads, valueDim)
 */
export function cachedAttention(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  sizes: CachedSizes,
  scale = 1 / Math.sqrt(sizes.headDim),
): AttentionResult {
  const { tokens, cached, heads, kvHeads, headDim, valueDim, window = 0 } = sizes;
  const out = new Float64Array(tokens * heads * valueDim);
  let maxLogit = 0;
  let maxValue = 0;
  for (let t = 0; t < tokens; t++) {
    const position = cached - tokens + t;
    const first = window > 0 ? Math.max(0, position + 1 - window) : 0;
    for (let h = 0; h < heads; h++) {
      const g = Math.floor((h * kvHeads) / heads);
      const logits: number[] = [];
      for (let m = first; m <= position; m++) {
        let product = 0;
        for (let d = 0; d < headDim; d++) {
          product += q[(t * heads + h) * headDim + d]! * k[(m * kvHeads + g) * headDim + d]!;
        }
        logits.push(product * scale);
        maxLogit = Math.max(maxLogit, Math.abs(product * scale));
      }
      const max = logits.reduce((a, b) => Math.max(a, b));
      const exps = logits.map((logit) => Math.exp(logit - max));
      const total = exps.reduce((sum, exp) => sum + exp);
      for (const [i, exp] of exps.entries()) {
        for (let e = 0; e < valueDim; e++) {
          const value = v[((first + i) * kvHeads + g) * valueDim + e]!;
          maxValue = Math.max(maxValue, Math.abs(value));
          out[(t * heads + h) * valueDim + e]! += (exp / total) * value;
        }
      }
    }
  }
  return { out, maxLogit, maxValue };
}
