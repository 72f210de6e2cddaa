import { scaleRow } from '../simd/scale';

/**
 * out = b ⊗ c of every row: out (tokens, rows, bDim · cDim), feature i · cDim + j = b[i] · c[j],
 * from x (tokens, rows, bDim + cDim), b first; strides in numbers between tokens.
 * No overlap; any alignment. One rounding a number.
 */
export function outerRows(
  out: usize,
  x: usize,
  tokens: usize,
  rows: usize,
  bDim: usize,
  cDim: usize,
  outStride: usize,
  stride: usize,
): void {
  for (let t: usize = 0; t < tokens; t++) {
    let to = out + ((t * outStride) << 2),
      b = x + ((t * stride) << 2);
    for (let r: usize = 0; r < rows; r++) {
      const c = b + (bDim << 2);
      for (let i: usize = 0; i < bDim; i++) {
        scaleRow(to, c, cDim, load<f32>(b + (i << 2)));
        to += cDim << 2;
      }
      b = c + (cDim << 2);
    }
  }
}
