import { sumLanes } from '../simd/reduce';
import { roundToInt } from '../simd/round';

/*
 * What meets codes in a product of integers: rows of 16-bit integers with a factor each.
 */

/** The largest integer. */
const LARGEST: f32 = 32767;
/** 2^31, which a sum stays below, but for what float32 sums may be wrong: 2^-8 of it is plenty. */
export const MOST: f32 = 2147483648 - 8388608;
/** 2^-100: rows that sum up to less count as 0, since their inverse could overflow. */
const SMALLEST: f32 = 7.888609052210118e-31;

/**
 * Rounds a row to integers q with x ≈ factor · q such that |q| <= 32767 and
 *
 *   Σ |q| · largest < 2^31,
 *
 * so that no sum of products with codes up to `largest` leaves 32 bits, whatever the row and the codes:
 * factor >= Σ|x| / (MOST / largest - count / 2), hence Σ|q| <= Σ|x| / factor + count / 2 <= MOST / largest.
 * |factor · q - x| <= factor / 2. What is not finite makes the factor not finite, or no number.
 *
 * @param out `count` integers, padded with a 0 to an even number
 * @param count at most 2^16 numbers
 * @returns the factor
 */
export function quantizeOperand(out: usize, x: usize, count: usize, largest: i32): f32 {
  const vectors = x + ((count & ~3) << 2),
    end = x + (count << 2);
  let sums = f32x4.splat(0),
    peaks = f32x4.splat(0);
  for (let at = x; at < vectors; at += 16) {
    const size = f32x4.abs(v128.load(at));
    sums = f32x4.add(sums, size);
    peaks = f32x4.pmax(peaks, size);
  }
  let sum = sumLanes(sums),
    peak = max<f32>(
      max<f32>(f32x4.extract_lane(peaks, 0), f32x4.extract_lane(peaks, 1)),
      max<f32>(f32x4.extract_lane(peaks, 2), f32x4.extract_lane(peaks, 3)),
    );
  for (let at = vectors; at < end; at += 4) {
    const size = abs(load<f32>(at));
    sum += size;
    peak = max<f32>(peak, size);
  }
  // a NaN is in the sum, if not in the peak
  let factor = max<f32>(peak / LARGEST, sum / (MOST / <f32>largest - <f32>count * 0.5));
  if (sum < SMALLEST) factor = 0;
  const inverse: f32 = factor > 0 ? <f32>1 / factor : 0,
    by = f32x4.splat(inverse);
  for (; x < vectors; x += 16) {
    const q = roundToInt(f32x4.mul(v128.load(x), by));
    v128.store64_lane(out, i16x8.narrow_i32x4_s(q, q), 0);
    out += 8;
  }
  for (; x < end; x += 4) {
    store<i16>(out, <i32>nearest(load<f32>(x) * inverse));
    out += 2;
  }
  if (count & 1) store<i16>(out, 0);
  return factor;
}
