import { expMinusAbs } from '../simd/exp2';

/**
 * x = 1 / (1 + e^-x), in place: the A factors of the upstream decode kernels.
 *
 * @param x (rows, count), rows `stride` numbers apart; only its numbers are touched
 * Any alignment. Max relative error 4e-7 · (1 + |x|), and 1.2e-38 absolute, since the exponential
 * is 0 below 2^-126.
 */
export function sigmoid(x: usize, rows: usize, count: usize, stride: usize): void {
  assert(rows <= 1 || count <= stride, 'sigmoid: rows overlap');
  for (let i: usize = 0; i < rows; i++) {
    let at = x;
    const end = x + (count << 2);
    for (; at + 16 <= end; at += 16) v128.store(at, logistic(v128.load(at)));
    for (; at < end; at += 4) v128.store_lane<f32>(at, logistic(v128.load32_splat(at)), 0);
    x += stride << 2;
  }
}

/** With e = e^-|x|: 1 / (1 + e) for x >= 0, e / (1 + e) below. */
function logistic(x: v128): v128 {
  const one = f32x4.splat(1),
    e = expMinusAbs(x);
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, e));
}
