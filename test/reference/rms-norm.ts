/** eps of the block and final norms of T6: the float32 machine epsilon. */
export const BLOCK_NORM_EPS = 2 ** -23;

/** eps of the per-head group norm of T6 (`subln`). */
export const GROUP_NORM_EPS = 1e-5;

/**
 * Root-mean-square norm of every row of x (rows, dim): x / √(mean(x²) + eps), times weight (dim).
 */
export function rmsNorm(
  x: ArrayLike<number>,
  dim: number,
  eps: number,
  weight?: ArrayLike<number>,
): Float64Array {
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += dim) {
    let sumOfSquares = 0;
    for (let i = 0; i < dim; i++) sumOfSquares += x[start + i]! ** 2;
    const scale = 1 / Math.sqrt(sumOfSquares / dim + eps);
    for (let i = 0; i < dim; i++) {
      out[start + i] = x[start + i]! * scale * (weight === undefined ? 1 : weight[i]!);
    }
  }
  return out;
}
