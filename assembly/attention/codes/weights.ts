import { avCodes, avScales, bvScales, codeSize, largestCode } from '../../layout/code-pages';
import { roundToInt } from '../../simd/round';
import { TILE, TILE_ROW } from '../../layout/pages';
import { MOST, quantizeOperand } from '../../product/code-operand';
import { CacheShape, Q8 } from '../../layout/records';

/*
 * The weights of a head for the values of a page, all ranks, as 16-bit integers: p · A_V · scales of the token.
 * p lies in 0 … 1 beside the largest of the page, and so do scales beside the largest of all tokens and
 * ranks; codes of A_V are shifted up to 15 bits. What multiplies integers of 15 bits rounds their product.
 */

/** 2^15: what an integer of 15 bits is a fraction of. */
const ONE: f32 = 32768;

/**
 * ratios (rankV, columns): scales of A_V and B_V of each token beside the largest, 0 of those that there
 * are not. `x` is as many numbers of scratch.
 *
 * @returns what a weight of 1, a ratio of 1 and a code of 1 count
 */
export function scalesOfTokens(
  ratios: usize,
  x: usize,
  page: usize,
  shape: CacheShape,
  count: usize,
  columns: usize,
): f32 {
  const rankV = <usize>shape.rankV;
  let peak: f32 = 0;
  for (let u: usize = 0; u < rankV; u++) {
    const row = x + ((u * columns) << 2);
    for (let t: usize = 0; t < columns / TILE; t++) {
      const a = avScales(page, t, shape) + u * TILE_ROW,
        b = bvScales(page, t, shape) + u * TILE_ROW,
        out = row + t * TILE_ROW;
      for (let j: usize = 0; j < TILE_ROW; j += 16) {
        v128.store(out + j, f32x4.mul(v128.load(a + j), v128.load(b + j)));
      }
    }
    memory.fill(row + (count << 2), 0, (columns - count) << 2);
    for (let m: usize = 0; m < count; m++) peak = max<f32>(peak, load<f32>(row + (m << 2)));
  }
  // 0 where all scales are, NaN where one is none
  toIntegers(ratios, x, rankV * columns, peak == 0 ? 0 : (ONE - 1) / peak);
  const shift: u32 = shape.dtype == Q8 ? 8 : 3;
  return (peak * ONE * ONE) / ((ONE - 1) * <f32>(1 << shift));
}

/**
 * What p is multiplied by, so that it is an integer of 15 bits and no sum of a page leaves 32 bits:
 *
 *   Σ_u Σ_m |weight| · largest code <= ranks (by Σ p + columns / 2) · largest code < 2^31
 *
 * since a weight is at most the integer of its p.
 *
 * @param total Σ p
 * @param ranks that one sum goes over
 */
@inline
export function weightScale(total: f32, columns: usize, ranks: usize, shape: CacheShape): f32 {
  const room = MOST / <f32>(largestCode(shape) * <i32>ranks) - <f32>columns * 0.5;
  return min<f32>(ONE - 1, room / total);
}

/** out (rankV, columns) = p · by · A_V · ratio, of head h. */
@inline
export function weightRows(
  out: usize,
  p: usize,
  by: f32,
  page: usize,
  shape: CacheShape,
  h: usize,
  ratios: usize,
  columns: usize,
): void {
  toIntegers(p, p, columns, by); // the integers are half as long, and follow what is read
  const size = codeSize(shape),
    rankStride = <usize>shape.headRows * TILE * size;
  for (let t: usize = 0; t < columns / TILE; t++) {
    let codes = avCodes(page, t, shape) + h * TILE * size;
    for (let u: usize = 0; u < shape.rankV; u++) {
      const at = (u * columns + t * TILE) << 1,
        from = p + ((t * TILE) << 1);
      for (let j: usize = 0; j < TILE << 1; j += 16) {
        const av = size == 1 ? i16x8.shl(v128.load8x8_s(codes + (j >> 1)), 8) : i16x8.shl(v128.load(codes + j), 3);
        const weight = i16x8.q15mulr_sat_s(av, v128.load(ratios + at + j));
        v128.store(out + at + j, i16x8.q15mulr_sat_s(weight, v128.load(from + j)));
      }
      codes += rankStride;
    }
  }
}

/**
 * out (columns) = p · scale of B_V of K/V head g, in integers that no sum of products with codes leaves 32 bits
 * with. p is overwritten.
 *
 * @param low first token that is seen
 * @param high the one after the last: the scales of others may be anything
 * @returns what an integer of 1 counts
 */
@inline
export function scaledWeights(
  out: usize,
  p: usize,
  page: usize,
  shape: CacheShape,
  g: usize,
  low: usize,
  high: usize,
  columns: usize,
  largest: i32,
): f32 {
  for (let t: usize = 0; t < columns / TILE; t++) {
    const scales = bvScales(page, t, shape) + g * TILE_ROW,
      row = p + t * TILE_ROW;
    for (let j: usize = 0; j < TILE_ROW; j += 16) {
      v128.store(row + j, f32x4.mul(v128.load(row + j), v128.load(scales + j)));
    }
  }
  memory.fill(p, 0, low << 2);
  memory.fill(p + (high << 2), 0, (columns - high) << 2);
  return quantizeOperand(out, p, columns, largest);
}

/** `count` numbers, a multiple of 8, times `by`, rounded to 16-bit integers. out may be x. */
@inline
function toIntegers(out: usize, x: usize, count: usize, by: f32): void {
  const factor = f32x4.splat(by);
  for (const end = x + (count << 2); x < end; x += 32) {
    const low = roundToInt(f32x4.mul(v128.load(x), factor)),
      high = roundToInt(f32x4.mul(v128.load(x, 16), factor));
    v128.store(out, i16x8.narrow_i32x4_s(low, high));
    out += 16;
  }
}
