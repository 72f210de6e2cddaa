import { exp2, exp2Constant, exp2Once } from '../simd/exp2';
import { maxLanes, sumLanes } from '../simd/reduce';
import { TILE_ROW } from '../layout/pages';

/** Initial running maximum; also the logit of a masked position, whose weight is exactly 0. */
export const LOWEST: f32 = -3.4028234663852886e38;

/** Hides columns from … to of a row of logits. */
@inline
export function mask(logits: usize, from: usize, to: usize): void {
  for (; from < to; from++) store<f32>(logits + (from << 2), LOWEST);
}

/** Largest of `columns` logits, a multiple of 8. */
@inline
export function rowMax(logits: usize, columns: usize): f32 {
  let m0 = v128.load(logits),
    m1 = v128.load(logits, 16);
  const end = logits + (columns << 2);
  for (logits += 32; logits < end; logits += 32) {
    m0 = f32x4.pmax(m0, v128.load(logits));
    m1 = f32x4.pmax(m1, v128.load(logits, 16));
  }
  return maxLanes(f32x4.pmax(m0, m1));
}

/**
 * Raises a row's running maximum to that of a new block of logits. When it moves, the running
 * sum and the accumulated output (accBytes, a multiple of 16) are rescaled; most blocks don't.
 *
 * @returns the maximum to subtract
 */
@inline
export function raiseMax(
  logits: usize,
  columns: usize,
  runningMax: usize,
  runningSum: usize,
  acc: usize,
  accBytes: usize,
): f32 {
  return raiseTo(rowMax(logits, columns), runningMax, runningSum, acc, accBytes);
}

/** {@link raiseMax} to what was found before. */
@inline
export function raiseTo(found: f32, runningMax: usize, runningSum: usize, acc: usize, accBytes: usize): f32 {
  const before = load<f32>(runningMax);
  if (!(found > before)) return before;
  const factor = exp2Once(f32x4.splat(before - found));
  store<f32>(runningMax, found);
  store<f32>(runningSum, load<f32>(runningSum) * f32x4.extract_lane(factor, 0));
  for (const end = acc + accBytes; acc < end; acc += 16) {
    v128.store(acc, f32x4.mul(v128.load(acc), factor));
  }
  return found;
}

/**
 * One row of logits, turned into weights p = 2^(logit - max).
 *
 * @param planes literal: 0 writes p over the logits; 1 writes p · av; 2 writes p · av and, `plane`
 *   bytes on, p times the av of the next rank
 * @param columns a multiple of 48
 * @param av a row of the first tile (48), tiles `tileStride` bytes apart, ranks `rankStride`
 * @returns Σ p
 */
@inline
export function weigh(
  w: usize,
  columns: usize,
  max: f32,
  av: usize,
  tileStride: usize,
  rankStride: usize,
  plane: usize,
  planes: i32,
): f32 {
  const floor = exp2Constant(0),
    magic = exp2Constant(1),
    c5 = exp2Constant(2),
    c4 = exp2Constant(3);
  const c3 = exp2Constant(4),
    c2 = exp2Constant(5),
    c1 = exp2Constant(6),
    one = exp2Constant(7);
  const m = f32x4.splat(max);
  let sum = f32x4.splat(0);
  const end = w + (columns << 2);
  while (w < end) {
    let from = av;
    for (const tileEnd = w + TILE_ROW; w < tileEnd; w += 16) {
      const p = exp2(f32x4.sub(v128.load(w), m), floor, magic, c5, c4, c3, c2, c1, one);
      sum = f32x4.add(sum, p);
      if (planes == 0) {
        v128.store(w, p);
      } else {
        v128.store(w, f32x4.mul(p, v128.load(from)));
        if (planes == 2) v128.store(w + plane, f32x4.mul(p, v128.load(from + rankStride)));
        from += 16;
      }
    }
    av += tileStride;
  }
  return sumLanes(sum);
}
