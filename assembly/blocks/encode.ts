import { BLOCK, OFFSET_AT, SCALE_AT } from '../layout/blocks';
import { half } from '../simd/half';

/** 1.5 · 2^23: added to a small number it rounds it to an integer, which is in the low bits of the sum. */
const MAGIC: f32 = 12582912;

/**
 * Writes the codes of a block whose scale and offset are there: round((x - offset) / scale), ties to even, in low …
 * high; 0 beyond `count` and where the scale has vanished. Adds the sums of (x - scale · code - offset)² and of x² to
 * two f64 at `errors`.
 */
export function encode(block: usize, x: usize, count: usize, low: f32, high: f32, errors: usize): void {
  const scale = half(block + SCALE_AT),
    offset = half(block + OFFSET_AT),
    inverse: f32 = scale > 0 ? 1 / scale : 0;
  const end = x + (count << 2),
    lows = f32x4.splat(MAGIC + low),
    highs = f32x4.splat(MAGIC + high),
    scales = f32x4.splat(scale),
    offsets = f32x4.splat(offset),
    inverses = f32x4.splat(inverse),
    magic = f32x4.splat(MAGIC);
  let to = block,
    lost = f32x4.splat(0),
    all = f32x4.splat(0);
  for (; x + 16 <= end; x += 16) {
    const v = v128.load(x),
      number = f32x4.sub(v, offsets),
      near = f32x4.add(f32x4.mul(number, inverses), magic),
      // positive floats compare as integers
      words = i32x4.min_s(i32x4.max_s(near, lows), highs),
      rest = f32x4.sub(number, f32x4.mul(f32x4.sub(words, magic), scales));
    const codes = i32x4.sub(words, magic),
      shorts = i16x8.narrow_i32x4_s(codes, codes);
    v128.store32_lane(to, i8x16.narrow_i16x8_s(shorts, shorts), 0);
    lost = f32x4.add(lost, f32x4.mul(rest, rest));
    all = f32x4.add(all, f32x4.mul(v, v));
    to += 4;
  }
  let lostSum = sumAsF64(lost),
    sum = sumAsF64(all);
  for (; x < end; x += 4) {
    const v = load<f32>(x) - offset,
      code = min(max(nearest(v * inverse), low), high),
      left = v - code * scale;
    store<i8>(to, <i8>code);
    lostSum += left * left;
    sum += load<f32>(x) * load<f32>(x);
    to++;
  }
  // not memory.fill, which calls out of wasm though whole blocks have nothing to fill: 0.4 ns a number
  for (const last = block + BLOCK; to < last; to++) store<u8>(to, 0);
  store<f64>(errors, load<f64>(errors) + lostSum);
  store<f64>(errors, load<f64>(errors, 8) + sum, 8);
}


@inline
function sumAsF64(v: v128): f64 {
  const pairs = f64x2.add(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1)));
  return f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
}
