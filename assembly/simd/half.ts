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
