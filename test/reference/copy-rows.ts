/** Counts of a copy; widths lie between rows and strides between tokens, in numbers. */
export interface RowCopy {
  readonly tokens: number;
  readonly rows: number;
  readonly count: number;
  readonly outWidth: number;
  readonly outStride: number;
  readonly width: number;
  readonly stride: number;
}

/** Copies `rows` rows of `count` numbers of each token of x into out, one number at a time. */
export function copyRows(out: Float32Array, x: Float32Array, copy: RowCopy): Float32Array {
  const { tokens, rows, count, outWidth, outStride, width, stride } = copy;
  for (let t = 0; t < tokens; t++) {
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < count; i++) {
        out[t * outStride + r * outWidth + i] = x[t * stride + r * width + i]!;
      }
    }
  }
  return out;
}
