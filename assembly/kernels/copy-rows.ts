/**
 * Copies `rows` rows of `count` numbers of each of `tokens` tokens. Widths (between rows) and
 * strides (between tokens) in numbers; 0 repeats a row or a token of x. No overlap; any alignment.
 */
export function copyRows(
  out: usize,
  x: usize,
  tokens: usize,
  rows: usize,
  count: usize,
  outWidth: usize,
  outStride: usize,
  width: usize,
  stride: usize,
): void {
  for (let t: usize = 0; t < tokens; t++) {
    for (let r: usize = 0; r < rows; r++) {
      memory.copy(out + ((t * outStride + r * outWidth) << 2), x + ((t * stride + r * width) << 2), count << 2);
    }
  }
}
