/** 1.5 · 2^23: added, it leaves the rounded integer in the low bits. */
const MAGIC: f32 = 12582912;
const MAGIC_BITS: i32 = 0x4b400000;

/**
 * Integers of |x| < 2^22, to nearest, halves to even; of anything else any integer. Two additions where the
 * instruction for it, which saturates, is ten on x64.
 */
@inline
export function roundToInt(x: v128): v128 {
  return i32x4.sub(f32x4.add(x, f32x4.splat(MAGIC)), i32x4.splat(MAGIC_BITS));
}
