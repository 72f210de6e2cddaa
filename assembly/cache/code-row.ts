import { CacheShape, Q8 } from '../layout/records';

/*
 * A row of codes is one rank of a factor of a token, with a scale of its own: number = scale · code. Code i
 * lies (i >> 1) · pair + (i & 1) · odd bytes from the first.
 */

/** 2^-100: a row of smaller numbers counts as 0, since 4095 / max |x| could overflow. */
const SMALLEST: f32 = 7.888609052210118e-31;
/** Bits of |x|: as integers they have the order of the numbers, and a NaN is the largest. */
const MAGNITUDE: u32 = 0x7fffffff;


@inline
export function loadCode(at: usize, shape: CacheShape): i32 {
  return shape.dtype == Q8 ? <i32>load<i8>(at) : <i32>load<i16>(at);
}


@inline
export function storeCode(at: usize, code: i32, shape: CacheShape): void {
  if (shape.dtype == Q8) store<i8>(at, code);
  else store<i16>(at, code);
}

/**
 * Rounds `count` numbers, `step` bytes apart, to codes -largest … largest: scale = max |x| / largest, code =
 * x / scale to nearest, so that |scale · code - x| <= scale / 2 but for rounding. A NaN or an infinity
 * makes the scale one too, so that nothing computed with the row is finite. Multiplication, division and
 * rounding alone: the same codes everywhere.
 */
export function quantizeRow(
  codes: usize,
  scale: usize,
  pair: usize,
  odd: usize,
  x: usize,
  step: usize,
  count: usize,
  largest: i32,
  shape: CacheShape,
): void {
  let bits: u32 = 0;
  for (let i: usize = 0; i < count; i++) bits = max(bits, load<u32>(x + i * step) & MAGNITUDE);
  const peak = reinterpret<f32>(bits);
  // false for a NaN; its code would be 0 in any case
  const inverse: f32 = peak >= SMALLEST ? <f32>largest / peak : 0;
  store<f32>(scale, peak >= SMALLEST || peak != peak ? peak / <f32>largest : 0);
  for (let i: usize = 0; i < count; i++) {
    const code = <i32>nearest(load<f32>(x + i * step) * inverse);
    storeCode(codes + (i >> 1) * pair + (i & 1) * odd, code, shape);
  }
}

/** The numbers that {@link quantizeRow} rounded to. */
export function dequantizeRow(
  codes: usize,
  scale: usize,
  pair: usize,
  odd: usize,
  x: usize,
  step: usize,
  count: usize,
  shape: CacheShape,
): void {
  const factor = load<f32>(scale);
  for (let i: usize = 0; i < count; i++) {
    const code = loadCode(codes + (i >> 1) * pair + (i & 1) * odd, shape);
    store<f32>(x + i * step, <f32>code * factor);
  }
}
