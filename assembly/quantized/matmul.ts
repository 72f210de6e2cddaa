import { CODE_SCALE, CODE_SUM, CODES_BYTES } from '../layout/activations';
import { BLOCK } from '../layout/blocks';
import { blocksOf, codeBytes, Q8, recordBytes, STRIP, codeOf } from '../layout/quantized';
import { PANEL } from '../layout/panels';
import { half } from '../simd/half';

/**
 * out (+)= x Wᵀ, some panels of it, W quantised and x as codes of 16 bits. A block of 32 steps gives
 * (scale · Σ codes · codes + offset · Σ codes of x) · scale of x; blocks are added in the order of k, in
 * float32 without fusing, so that one row and many, any ranges and both binaries give the same bits.
 *
 * Codes of W are -128 … 127 and those of x -32767 … 32767, so that the sum of a block is at most
 * 32 · 128 · 32767 = 134,213,632 < 2^31.
 *
 * @param out (rows, columns rounded up to 48) with row stride ldo
 * @param x (rows, ⌈k / 32⌉) blocks of quantizeRows
 * @param w packed (columns, k)
 * @param panels of 48 columns from firstPanel on; of out, only their columns are written
 * No overlap; any alignment.
 */
export function matmulQuantized(
  out: usize,
  x: usize,
  w: usize,
  rows: usize,
  k: usize,
  columns: usize,
  ldo: usize,
  isAdded: bool,
  firstPanel: usize,
  panels: usize,
  format: u32,
): void {
  assert(k && ldo >= columns, 'matmulQuantized: rows of out overlap');
  assert(firstPanel + panels <= (columns + PANEL - 1) / PANEL, 'matmulQuantized: panels past the last');
  const blocks = blocksOf(k);
  for (let t: usize = 0; t < rows; t++) {
    for (let column = firstPanel * PANEL; column < (firstPanel + panels) * PANEL; column++) {
      const to = out + ((t * ldo + column) << 2);
      let sum: f32 = isAdded ? load<f32>(to) : 0;
      for (let b: usize = 0; b < blocks; b++) {
        const record = w + ((column / STRIP) * blocks + b) * recordBytes(format);
        const from = x + (t * blocks + b) * CODES_BYTES;
        let dot = 0;
        for (let i: usize = 0; i < BLOCK; i++) {
          dot += codeOf(record, column % STRIP, i, format) * load<i16>(from + (i << 1));
        }
        const scale = record + codeBytes(format) + ((column % STRIP) << 1);
        let product = <f32>dot * half(scale);
        if (format != Q8) product += half(scale + (STRIP << 1)) * load<f32>(from, CODE_SUM);
        sum += product * load<f32>(from, CODE_SCALE);
      }
      store<f32>(to, sum);
    }
  }
}
