/*
 * Float16 numbers become float32 by moving their bits: the exponent and the mantissa three bits to
 * the left of where float32 has them less 112 in the exponent, then times 2^112. The product is
 * exact, for subnormal numbers too. Infinities and NaN become finite: no weight has them.
 */

/** Lanes of the sign, the exponent and the mantissa; then of 2^112. In memory, see simd/exp2.ts. */
// prettier-ignore
const TABLE = memory.data<u32>([
  0x8fffe000, 0x8fffe000, 0x8fffe000, 0x8fffe000,
  0x77800000, 0x77800000, 0x77800000, 0x77800000,
], 16);

/** The four float16 numbers at `at`, any alignment. */
@inline
export function halves(at: usize): v128 {
  const bits = v128.and(i32x4.shl(v128.load16x4_s(at), 13), v128.load(TABLE));
  return f32x4.mul(bits, v128.load(TABLE, 16));
}

/** The float16 number at `at`. */
@inline
export function half(at: usize): f32 {
  const bits = ((<i32>load<i16>(at)) << 13) & 0x8fffe000;
  return reinterpret<f32>(bits) * reinterpret<f32>(0x77800000);
}

/**
 * Four numbers as float16, to nearest, ties to even, each in the low half of a lane; one that does not fit is infinite.
 * Not inline: its constants take 200 bytes at each of a dozen places.
 */
export function roundHalves(v: v128): v128 {
  const size = v128.and(v, i32x4.splat(0x7fffffff)),
    odd = v128.and(i32x4.shr_u(size, 13), i32x4.splat(1));
  // the exponent less 112, and just below half of the last bit
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(size, odd), i32x4.splat(0xc8000fff)), 13);
  // beside 0.5 the last bit of float32 is the last bit of a subnormal float16
  const half = f32x4.splat(0.5),
    subnormal = i32x4.sub(f32x4.add(size, half), half);
  const isSmall = i32x4.lt_s(size, i32x4.splat(0x38800000)),
    rounded = i32x4.min_s(v128.bitselect(subnormal, normal, isSmall), i32x4.splat(0x7c00));
  return v128.or(rounded, v128.and(i32x4.shr_u(v, 16), i32x4.splat(0x8000)));
}

/** The float16 number at `at`; a NaN for an infinity too. */
@inline
export function checkedHalf(at: usize): f32 {
  return (load<u16>(at) & 0x7c00) == 0x7c00 ? f32.NaN : half(at);
}

/** Whether two float16 numbers in a word are no NaN or infinity: an exponent of ones carries into the sign. */
@inline
export function areFinite(word: u32): bool {
  return !(((word & 0x7fff7fff) + 0x04000400) & 0x80008000);
}
