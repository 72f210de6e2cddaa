import { BLOCK, BLOCK_BYTES, SCALE_AT } from '../layout/blocks';
import { areFinite, roundHalves } from '../simd/half';
import { encode } from './encode';
import { fit } from './fit';

/** Bits of |x|: as integers they have the order of the numbers. */
const MAGNITUDE: i32 = 0x7fffffff;

/**
 * Rows of float32 as blocks of 32 codes; the last of a row may have fewer numbers, and its other codes are 0.
 *
 * 8 bits: scale = max |x| / 127 rounded to float16, codes round(x / scale) in -127 … 127, no offset: |error| <= scale / 2,
 * and 2^-25 more where the scale is below 2^-14.
 * 4 bits: codes 0 … 15 with the scale and offset of least squares (fit.ts).
 *
 * @param out (rows, ⌈k / 32⌉) blocks (layout/blocks.ts)
 * @param x (rows, k), finite
 * @param bits 8 or 4
 * @param errors 2 f64, to which the sums over all x of the squared errors and of x² are added
 * @returns the first block whose scale or offset is beyond float16, where it ends; -1 if there is none
 * No overlap, any alignment; nothing is fused, so that both binaries give the same bits.
 */
export function quantizeBlocks(out: usize, x: usize, rows: usize, k: usize, bits: u32, errors: usize): i32 {
  assert(bits == 8 || bits == 4, 'quantizeBlocks: 8 or 4 bits');
  const first = out,
    low: f32 = bits == 8 ? -127 : 0,
    high: f32 = bits == 8 ? 127 : 15;
  for (; rows; rows--) {
    // all scales of a row first: the codes of a block would wait for the two divisions that give its own, 1.34 -> 1.07 ns a number
    let block = out;
    for (let i: usize = 0; i < k; i += BLOCK) {
      const count = min(BLOCK, k - i);
      if (bits == 8) scaleToLargest(block, x + (i << 2), count);
      else fit(block, x + (i << 2), count);
      if (!areFinite(load<u32>(block, SCALE_AT))) return <i32>((block - first) / BLOCK_BYTES);
      block += BLOCK_BYTES;
    }
    for (let i: usize = 0; i < k; i += BLOCK) {
      encode(out, x + (i << 2), min(BLOCK, k - i), low, high, errors);
      out += BLOCK_BYTES;
    }
    x += k << 2;
  }
  return -1;
}

function scaleToLargest(out: usize, x: usize, count: usize): void {
  const end = x + (count << 2),
    mask = i32x4.splat(MAGNITUDE);
  let largest = i32x4.splat(0);
  for (; x + 16 <= end; x += 16) largest = i32x4.max_s(largest, v128.and(v128.load(x), mask));
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1));
  let bits = max(i32x4.extract_lane(largest, 0), i32x4.extract_lane(largest, 1));
  for (; x < end; x += 4) bits = max(bits, load<i32>(x) & MAGNITUDE);
  const scale = f32x4.splat(reinterpret<f32>(bits) / 127);
  store<u32>(out, i32x4.extract_lane(roundHalves(scale), 0), SCALE_AT);
}
