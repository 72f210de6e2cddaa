/*
 * Register tiles of products of 16-bit integers with codes of 16 or 8 bits, both in pairs along k: a dot
 * product sums a pair exactly, and 32 bits the pairs, as long as Σ |integer| of a row times the largest code
 * fits them (code-operand.ts). So the sum has the same bits in every engine. `size` is a literal: bytes of
 * a code.
 *
 * 2 × 24 is the shape of the float32 tile (tile.ts): two splats, twelve sums, a vector of codes.
 */

/** out = sum · factor · scale of the column */
export const SCORES = 0;
/** out += sum · factor */
export const VALUES = 1;

/** Vector `i` of codes, four pairs as 16-bit integers; `i` and `size` are literals. */
@inline
function pairsAt(b: usize, i: usize, size: usize): v128 {
  return size == 1 ? v128.load8x8_s(b + (i << 3)) : v128.load(b + (i << 4));
}

/** Writes one vector of a finished tile. */
@inline
function emit(out: usize, sums: v128, factor: v128, mode: i32, scales: usize): void {
  const product = f32x4.mul(f32x4.convert_i32x4_s(sums), factor);
  if (mode == SCORES) v128.store(out, f32x4.mul(product, v128.load(scales)));
  else v128.store(out, f32x4.add(v128.load(out), product));
}

/**
 * 2 rows × 24 columns.
 *
 * @param a integers of one row, a1 those of the other; b codes (pairs, columns, 2), rows ldb bytes apart
 */
@inline
export function codeTile2x24(
  out: usize,
  out1: usize,
  a: usize,
  a1: usize,
  b: usize,
  ldb: usize,
  pairs: usize,
  factor: usize,
  factor1: usize,
  mode: i32,
  scales: usize,
  size: usize,
): void {
  const zero = i32x4.splat(0);
  let c00 = zero,
    c01 = zero,
    c02 = zero,
    c03 = zero,
    c04 = zero,
    c05 = zero;
  let c10 = zero,
    c11 = zero,
    c12 = zero,
    c13 = zero,
    c14 = zero,
    c15 = zero;
  for (const end = a + (pairs << 2); a < end; a += 4) {
    const s = v128.load32_splat(a),
      t = v128.load32_splat(a1);
    let v = pairsAt(b, 0, size);
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(s, v));
    c10 = i32x4.add(c10, i32x4.dot_i16x8_s(t, v));
    v = pairsAt(b, 1, size);
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(s, v));
    c11 = i32x4.add(c11, i32x4.dot_i16x8_s(t, v));
    v = pairsAt(b, 2, size);
    c02 = i32x4.add(c02, i32x4.dot_i16x8_s(s, v));
    c12 = i32x4.add(c12, i32x4.dot_i16x8_s(t, v));
    v = pairsAt(b, 3, size);
    c03 = i32x4.add(c03, i32x4.dot_i16x8_s(s, v));
    c13 = i32x4.add(c13, i32x4.dot_i16x8_s(t, v));
    v = pairsAt(b, 4, size);
    c04 = i32x4.add(c04, i32x4.dot_i16x8_s(s, v));
    c14 = i32x4.add(c14, i32x4.dot_i16x8_s(t, v));
    v = pairsAt(b, 5, size);
    c05 = i32x4.add(c05, i32x4.dot_i16x8_s(s, v));
    c15 = i32x4.add(c15, i32x4.dot_i16x8_s(t, v));
    a1 += 4;
    b += ldb;
  }
  const f = v128.load32_splat(factor),
    g = v128.load32_splat(factor1);
  emit(out, c00, f, mode, scales);
  emit(out + 16, c01, f, mode, scales + 16);
  emit(out + 32, c02, f, mode, scales + 32);
  emit(out + 48, c03, f, mode, scales + 48);
  emit(out + 64, c04, f, mode, scales + 64);
  emit(out + 80, c05, f, mode, scales + 80);
  emit(out1, c10, g, mode, scales);
  emit(out1 + 16, c11, g, mode, scales + 16);
  emit(out1 + 32, c12, g, mode, scales + 32);
  emit(out1 + 48, c13, g, mode, scales + 48);
  emit(out1 + 64, c14, g, mode, scales + 64);
  emit(out1 + 80, c15, g, mode, scales + 80);
}

/** 2 rows × 8 columns, otherwise as {@link codeTile2x24}. */
@inline
export function codeTile2x8(
  out: usize,
  out1: usize,
  a: usize,
  a1: usize,
  b: usize,
  ldb: usize,
  pairs: usize,
  factor: usize,
  factor1: usize,
  mode: i32,
  scales: usize,
  size: usize,
): void {
  let c00 = i32x4.splat(0),
    c01 = c00,
    c10 = c00,
    c11 = c00;
  for (const end = a + (pairs << 2); a < end; a += 4) {
    const s = v128.load32_splat(a),
      t = v128.load32_splat(a1);
    let v = pairsAt(b, 0, size);
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(s, v));
    c10 = i32x4.add(c10, i32x4.dot_i16x8_s(t, v));
    v = pairsAt(b, 1, size);
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(s, v));
    c11 = i32x4.add(c11, i32x4.dot_i16x8_s(t, v));
    a1 += 4;
    b += ldb;
  }
  const f = v128.load32_splat(factor),
    g = v128.load32_splat(factor1);
  emit(out, c00, f, mode, scales);
  emit(out + 16, c01, f, mode, scales + 16);
  emit(out1, c10, g, mode, scales);
  emit(out1 + 16, c11, g, mode, scales + 16);
}

/** 2 rows × 4 columns, otherwise as {@link codeTile2x24}. */
@inline
export function codeTile2x4(
  out: usize,
  out1: usize,
  a: usize,
  a1: usize,
  b: usize,
  ldb: usize,
  pairs: usize,
  factor: usize,
  factor1: usize,
  mode: i32,
  scales: usize,
  size: usize,
): void {
  let c = i32x4.splat(0),
    c1 = c;
  for (const end = a + (pairs << 2); a < end; a += 4) {
    const v = pairsAt(b, 0, size);
    c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load32_splat(a), v));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v128.load32_splat(a1), v));
    a1 += 4;
    b += ldb;
  }
  emit(out, c, v128.load32_splat(factor), mode, scales);
  emit(out1, c1, v128.load32_splat(factor1), mode, scales);
}
