import { CODE_SCALE, CODE_SUM, CODES_BYTES } from '../layout/activations';
import { BLOCK } from '../layout/blocks';

/** The largest code; -32768 is not used. */
const LARGEST: f32 = 32767;
/** 2^-100: a block of smaller numbers counts as 0, since 32767 / max |x| could overflow. */
const SMALLEST: f32 = 7.888609052210118e-31;
/** Bits of |x|: as integers they have the order of the numbers, and a NaN is the largest. */
const MAGNITUDE: u32 = 0x7fffffff;

/**
 * out = rows of x as codes of 16 bits: of each 32 numbers along k the code x / scale rounded to nearest,
 * scale = max |x| / 32767, and the sum of the codes, which a float32 holds exactly. |scale · code - x|
 * <= 1.6e-5 max |x|, or 2^-100. A NaN or an infinity makes the scale one too, so that no product with the
 * block is finite.
 *
 * @param out (rows, ⌈k / 32⌉) blocks (layout/activations.ts)
 * @param x (rows, k) with row stride ldx
 * No overlap, any alignment.
 */
export function quantizeRows(out: usize, x: usize, rows: usize, k: usize, ldx: usize): void {
  for (let t: usize = 0; t < rows; t++) {
    for (let i: usize = 0; i < k; i += BLOCK) {
      quantizeBlock(out, x + (i << 2), min(BLOCK, k - i));
      out += CODES_BYTES;
    }
    x += ldx << 2;
  }
}

function quantizeBlock(out: usize, x: usize, count: usize): void {
  const vectors = x + ((count & ~3) << 2),
    end = x + (count << 2);
  const largest = reinterpret<f32>(largestMagnitude(x, vectors, end));
  // false for a NaN; its code would be 0 in any case
  const inverse: f32 = largest >= SMALLEST ? LARGEST / largest : 0;
  const factor = f32x4.splat(inverse);
  let to = out,
    sums = i32x4.splat(0),
    sum = 0;
  for (; x < vectors; x += 16) {
    const codes = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), factor)));
    v128.store64_lane(to, i16x8.narrow_i32x4_s(codes, codes), 0);
    sums = i32x4.add(sums, codes);
    to += 8;
  }
  for (; x < end; x += 4) {
    const code = <i32>nearest(load<f32>(x) * inverse);
    store<i16>(to, code);
    sum += code;
    to += 2;
  }
  for (const last = out + CODE_SCALE; to < last; to += 2) store<i16>(to, 0);
  sum += i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
  sum += i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  store<f32>(out, largest / LARGEST, CODE_SCALE);
  store<f32>(out, <f32>sum, CODE_SUM);
}


@inline
function largestMagnitude(x: usize, vectors: usize, end: usize): u32 {
  const mask = i32x4.splat(MAGNITUDE);
  let largest = i32x4.splat(0);
  for (; x < vectors; x += 16) largest = i32x4.max_s(largest, v128.and(v128.load(x), mask));
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1));
  let bits = max(i32x4.extract_lane(largest, 0), i32x4.extract_lane(largest, 1));
  for (; x < end; x += 4) bits = max(bits, load<i32>(x) & (<i32>MAGNITUDE));
  return bits;
}
