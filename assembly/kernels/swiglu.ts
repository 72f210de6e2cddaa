import { expMinusAbs } from '../simd/exp2';

/**
 * gate = silu(gate) · up, in place, silu(x) = x / (1 + e^-x).
 *
 * @param gate (rows, count) with row stride ld, overwritten
 * @param up (rows, count) with row stride ld
 * Any alignment; reads and writes up to 3 numbers past the end of each row of gate, which must
 * be the row's own (ld leaves room). Max relative error 4e-7 · (1 + |gate|), and 1.1e-36 · |up|
 * absolute, since the exponential is 0 below 2^-126.
 */
export function swiglu(gate: usize, up: usize, rows: usize, count: usize, ld: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let j: usize = 0; j < count << 2; j += 16) {
      const x = v128.load(gate + j);
      v128.store(gate + j, f32x4.mul(silu(x), v128.load(up + j)));
    }
    gate += ld << 2;
    up += ld << 2;
  }
}

/** With e = e^-|x| no exponential overflows: x / (1 + e) for x >= 0, x · e / (1 + e) below. */
@inline
function silu(x: v128): v128 {
  const e = expMinusAbs(x);
  const numerator = v128.bitselect(f32x4.mul(x, e), x, f32x4.lt(x, f32x4.splat(0)));
  return f32x4.div(numerator, f32x4.add(f32x4.splat(1), e));
}
