/**
 * The per-head vectors of factors: out[t,h] = scale · Σ_r a[t,h,r] b[t,r].
 *
 * @param a (T, heads, rank)
 * @param b (T, rank, width)
 * @returns (T, heads, width)
 */
export function materialize(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  shape: { heads: number; rank: number; width: number },
  scale = 1 / shape.rank,
): Float64Array {
  const { heads, rank, width } = shape;
  const tokens = a.length / (heads * rank);
  const out = new Float64Array(tokens * heads * width);
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (let r = 0; r < rank; r++) {
          sum += a[(t * heads + h) * rank + r]! * b[(t * rank + r) * width + i]!;
        }
        out[(t * heads + h) * width + i] = scale * sum;
      }
    }
  }
  return out;
}
