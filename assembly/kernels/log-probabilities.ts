import { exp2, exp2Constant, exp2Once, LOG2E } from '../simd/exp2';
import { maxLanes, sumLanes } from '../simd/reduce';
import { ln } from '../simd/ln';

/**
 * Log-softmax of one logit a row: out[i] = x[ids[i]] - ln Σ e^x[j], of x = logits[i].
 *
 * @param out (rows); may equal ids
 * @param logits (rows, vocabSize) with row stride ldl; nothing past a row is read
 * @param ids (rows) u32, each below vocabSize
 * Any alignment. Max error 2e-6 + 2^-24 · |out| for vocabularies up to 262,144: the exponents' two
 * roundings count with the weights of a mean, (ln vocabSize) · 1.3e-7, the exponential 2e-7, and the
 * sum is of doubles. -Infinity beyond float32; NaN for a row with a number that is not finite.
 */
export function logProbabilities(
  out: usize,
  logits: usize,
  ids: usize,
  rows: usize,
  vocabSize: usize,
  ldl: usize,
): void {
  for (const end = out + (rows << 2); out < end; out += 4) {
    const largest = rowMax(logits, vocabSize);
    const chosen = load<f32>(logits + ((<usize>load<u32>(ids)) << 2));
    const sum = sumOfExponentials(logits, vocabSize, largest);
    store<f32>(out, <f32>(<f64>chosen - <f64>largest - ln(sum)));
    ids += 4;
    logits += ldl << 2;
  }
}

/** Largest of `count` numbers; NaN unless all are finite: x - x is 0 for finite numbers alone. */
@inline
function rowMax(x: usize, count: usize): f32 {
  let largest = v128.load32_splat(x),
    zero = f32x4.splat(0);
  const end = x + (count << 2);
  for (; x + 16 <= end; x += 16) {
    const v = v128.load(x);
    largest = f32x4.pmax(largest, v);
    zero = f32x4.add(zero, f32x4.sub(v, v));
  }
  for (; x < end; x += 4) {
    const v = v128.load32_splat(x);
    largest = f32x4.pmax(largest, v);
    zero = f32x4.add(zero, f32x4.sub(v, v));
  }
  return maxLanes(largest) + sumLanes(zero);
}

/** Σ e^(x - largest) as a double: summing 65,536 numbers a lane in float32 may lose 4e-3 of them. */
@inline
function sumOfExponentials(x: usize, count: usize, largest: f32): f64 {
  const floor = exp2Constant(0),
    magic = exp2Constant(1),
    c5 = exp2Constant(2),
    c4 = exp2Constant(3);
  const c3 = exp2Constant(4),
    c2 = exp2Constant(5),
    c1 = exp2Constant(6),
    one = exp2Constant(7);
  const m = f32x4.splat(largest),
    log2e = f32x4.splat(LOG2E);
  let low = f64x2.splat(0),
    high = low;
  const end = x + (count << 2);
  for (; x + 16 <= end; x += 16) {
    const exponent = f32x4.mul(f32x4.sub(v128.load(x), m), log2e);
    const p = exp2(exponent, floor, magic, c5, c4, c3, c2, c1, one);
    low = f64x2.add(low, f64x2.promote_low_f32x4(p));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<f32>(p, p, 2, 3, 0, 1)));
  }
  low = f64x2.add(low, high);
  let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
  for (; x < end; x += 4) {
    const p = exp2Once(f32x4.mul(f32x4.sub(v128.load32_splat(x), m), log2e));
    sum += <f64>f32x4.extract_lane(p, 0);
  }
  return sum;
}
