import type { AttentionResult } from './attention.ts';

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

function softmax(logits: readonly number[]): number[] {
  const max = logits.reduce((a, b) => Math.max(a, b));
  const exps = logits.map((logit) => Math.exp(logit - max));
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((exp) => exp / sum);
}
