import { fma } from './fma';

/*
 * 2^x by range reduction: x = n + f with f in [-0.5, 0.5], n read from the mantissa after adding
 * 1.5 · 2^23, a polynomial in f, n added to the exponent. The polynomial is a minimax fit with
 * the constant term held at 1, so that 2^0 is 1 exactly and 2^-127 is +0 exactly; error of the
 * fit 9.1e-8.
 *
 * The constants stay in static memory, and loops load them into locals first: V8 rematerialises
 * a v128.const inside a loop in every iteration and hoists no load.
 */
// prettier-ignore
const TABLE = memory.data<f32>([
  -127, -127, -127, -127,
  12582912, 12582912, 12582912, 12582912,
  0.001326466561295092, 0.001326466561295092, 0.001326466561295092, 0.001326466561295092,
  0.009671512991189957, 0.009671512991189957, 0.009671512991189957, 0.009671512991189957,
  0.05550733953714371, 0.05550733953714371, 0.05550733953714371, 0.05550733953714371,
  0.24022242426872253, 0.24022242426872253, 0.24022242426872253, 0.24022242426872253,
  0.6931470036506653, 0.6931470036506653, 0.6931470036506653, 0.6931470036506653,
  1, 1, 1, 1,
], 16);

/** Constant `i` of the table, for the arguments of {@link exp2}. */
@inline
export function exp2Constant(i: usize): v128 {
  return v128.load(TABLE + (i << 4));
}

/**
 * 2^x for x <= 0. Max relative error 2e-7 on [-126, 0]; at and below -127 exactly 0. A NaN
 * that arithmetic made stays NaN; the low 9 bits of another payload would move its exponent.
 * Constants 0 … 7 of the table follow x.
 */
@inline
export function exp2(
  x: v128,
  floor: v128,
  magic: v128,
  c5: v128,
  c4: v128,
  c3: v128,
  c2: v128,
  c1: v128,
  one: v128,
): v128 {
  // pmax keeps a NaN in its first operand and is one instruction on x64, where max is seven
  x = f32x4.pmax(x, floor);
  const shifted = f32x4.add(x, magic); // low mantissa bits now hold n
  const f = f32x4.sub(x, f32x4.sub(shifted, magic));
  const p = fma(fma(fma(fma(fma(c5, f, c4), f, c3), f, c2), f, c1), f, one);
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

/** {@link exp2} of one number, or of four outside of loops. */
@inline
export function exp2Once(x: v128): v128 {
  return exp2(
    x,
    exp2Constant(0),
    exp2Constant(1),
    exp2Constant(2),
    exp2Constant(3),
    exp2Constant(4),
    exp2Constant(5),
    exp2Constant(6),
    exp2Constant(7),
  );
}

/** e^-|x|, which never overflows: the exponential of every function of 1 / (1 + e^-x). */
@inline
export function expMinusAbs(x: v128): v128 {
  return exp2Once(f32x4.mul(f32x4.neg(f32x4.abs(x)), f32x4.splat(LOG2E)));
}

/** Factor that turns an exponent of e into one of 2: the kernels compute in base 2 throughout. */
export const LOG2E: f32 = 1.4426950408889634;
