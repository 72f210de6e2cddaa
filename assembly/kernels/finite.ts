/** 1 if all of x (count) is finite, else 0. x - x is 0 for finite numbers alone. */
export function isFinite(x: usize, count: usize): i32 {
  let bad = f32x4.splat(0);
  const end = x + (count << 2);
  for (; x + 16 <= end; x += 16) {
    const v = v128.load(x);
    bad = v128.or(bad, f32x4.sub(v, v));
  }
  for (; x < end; x += 4) {
    const v = load<f32>(x);
    if (!(v - v == 0)) return 0;
  }
  return i32(!v128.any_true(f32x4.ne(bad, f32x4.splat(0))));
}
