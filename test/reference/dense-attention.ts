/**
 * Textbook causal attention over materialised keys and values, one head at a time.
 *
 * @param q (T, heads, headDim)
 * @param k (M, heads, headDim)
 * @param v (M, heads, valueDim)
 * @param sizes query t of `tokens` sees the keys 0 … M − T + t
 * @returns (T, heads, valueDim)
 */
export function denseAttention(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  sizes: { tokens: number; heads: number; headDim: number; valueDim: number },
  scale = 1 / Math.sqrt(sizes.headDim),
): Float64Array {
  const { tokens, heads, headDim, valueDim } = sizes;
  const cached = k.length / (heads * headDim);
  const out = new Float64Array(tokens * heads * valueDim);
  for (let h = 0; h < heads; h++) {
    for (let t = 0; t < tokens; t++) {
      const logits: number[] = [];
      for (let m = 0; m <= cached - tokens + t; m++) {
        let product = 0;
        for (let d = 0; d < headDim; d++) {
          product += q[(t * heads + h) * headDim + d]! * k[(m * heads + h) * headDim + d]!;
        }
        logits.push(product * scale);
      }
      const max = logits.reduce((a, b) => Math.max(a, b));
      const exps = logits.map((logit) => Math.exp(logit - max));
      const total = exps.reduce((sum, exp) => sum + exp);
      for (let e = 0; e < valueDim; e++) {
        let sum = 0;
        for (let m = 0; m < exps.length; m++) {
          sum += exps[m]! * v[(m * heads + h) * valueDim + e]!;
        }
        out[(t * heads + h) * valueDim + e] = sum / total;
      }
    }
  }
  return out;
}
