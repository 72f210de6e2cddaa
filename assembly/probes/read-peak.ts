import { sumLanes } from '../simd/reduce';

/**
 * The read bandwidth of this machine for memory of this size: every vector of `bytes`, a multiple
 * of 128, is loaded once and added to one of 8 sums.
 *
 * @returns the sum, so that nothing can be dropped
 */
export function readPeak(x: usize, bytes: usize): f32 {
  let s0 = f32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  let s4 = s0,
    s5 = s0,
    s6 = s0,
    s7 = s0;
  for (const end = x + bytes; x < end; x += 128) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
    s4 = f32x4.add(s4, v128.load(x, 64));
    s5 = f32x4.add(s5, v128.load(x, 80));
    s6 = f32x4.add(s6, v128.load(x, 96));
    s7 = f32x4.add(s7, v128.load(x, 112));
  }
  const s = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  return sumLanes(f32x4.add(s, f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7))));
}
