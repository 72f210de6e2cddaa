/**
 * a · b + c, lane by lane. One rounding on the relaxed build where the engine fuses (V8 does,
 * JavaScriptCore does not), two on the baseline build.
 */
@inline
export function fma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}
