import { fma } from '../simd/fma';
import { sumLanes } from '../simd/reduce';

/**
 * The multiply-add throughput of this binary on this machine: 12 independent chains c = c · y + x,
 * no memory traffic, 96 MACs per iteration. The product depends on the chain: with x · y + c the
 * compiler hoists the multiplication of the baseline build and the probe flatters the machine.
 *
 * @returns the sum of the chains, so that nothing can be dropped
 */
export function fmaPeak(iterations: i32): f32 {
  const x = f32x4.splat(<f32>iterations);
  const y = f32x4.splat(1 / <f32>(iterations + 1));
  let c0 = x,
    c1 = y,
    c2 = x,
    c3 = y,
    c4 = x,
    c5 = y;
  let c6 = x,
    c7 = y,
    c8 = x,
    c9 = y,
    c10 = x,
    c11 = y;
  for (let i = 0; i < iterations; i++) {
    c0 = fma(c0, y, x);
    c1 = fma(c1, y, x);
    c2 = fma(c2, y, x);
    c3 = fma(c3, y, x);
    c4 = fma(c4, y, x);
    c5 = fma(c5, y, x);
    c6 = fma(c6, y, x);
    c7 = fma(c7, y, x);
    c8 = fma(c8, y, x);
    c9 = fma(c9, y, x);
    c10 = fma(c10, y, x);
    c11 = fma(c11, y, x);
    c0 = fma(c0, y, x);
    c1 = fma(c1, y, x);
    c2 = fma(c2, y, x);
    c3 = fma(c3, y, x);
    c4 = fma(c4, y, x);
    c5 = fma(c5, y, x);
    c6 = fma(c6, y, x);
    c7 = fma(c7, y, x);
    c8 = fma(c8, y, x);
    c9 = fma(c9, y, x);
    c10 = fma(c10, y, x);
    c11 = fma(c11, y, x);
  }
  const s = f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7)));
  return sumLanes(f32x4.add(s, f32x4.add(f32x4.add(c8, c9), f32x4.add(c10, c11))));
}
