/*
 * Register tiles of products of 16-bit integers with codes of 16 or 8 bits, both in pairs along k: a dot
 * product sums a pair exactly, and 32 bits the pairs, as long as Σ |integer| of a row times the largest code
 * fits them (code-operand.ts). So the sum has the same bits in every engine. `size` is a literal: bytes of
 * a code.
 *
 * 3 × 12 as in quantized/tile.ts: nine sums, three splats, a vector of codes and a product take 14 registers,
 * and 2 × 24, which spills, is 20 % slower.
 */

/** Vector `i` of codes, four pairs as 16-bit integers; `i` and `size` are literals. */
@inline
function pairsAt(b: usize, i: usize, size: usize): v128 {
  return size == 1 ? v128.load8x8_s(b + (i << 3)) : v128.load(b + (i << 4));
}

/**
 * Writes one vector of a finished tile: out = sum · factor · scale of the column, or without scales, a
 * literal, out += sum · factor.
 */
@inline
function emit(out: usize, sums: v128, factor: v128, scales: usize, hasScales: bool): void {
  const product = f32x4.mul(f32x4.convert_i32x4_s(sums), factor);
  if (hasScales) v128.store(out, f32x4.mul(product, v128.load(scales)));
  else v128.store(out, f32x4.add(v128.load(out), product));
}

/**
 * 3 rows × 12 columns. Rows may be the same one.
 *
 * @param a integers of a row, a1 and a2 those of the others
 * @param b codes (pairs, columns, 2), ldb bytes apart
 * @param f factor of a row (a splat), f1 and f2 those of the others
 */
@inline
export function codeTile3x12(
  out: usize,
  out1: usize,
  out2: usize,
  a: usize,
  a1: usize,
  a2: usize,
  b: usize,
  ldb: usize,
  pairs: usize,
  f: v128,
  f1: v128,
  f2: v128,
  scales: usize,
  hasScales: bool,
  size: usize,
): void {
  let s00 = i32x4.splat(0),
    s01 = s00,
    s02 = s00;
  let s10 = s00,
    s11 = s00,
    s12 = s00;
  let s20 = s00,
    s21 = s00,
    s22 = s00;
  for (const end = a + (pairs << 2); a < end; a += 4) {
    const p = v128.load32_splat(a),
      q = v128.load32_splat(a1),
      r = v128.load32_splat(a2);
    let v = pairsAt(b, 0, size);
    s00 = i32x4.add(s00, i32x4.dot_i16x8_s(p, v));
    s10 = i32x4.add(s10, i32x4.dot_i16x8_s(q, v));
    s20 = i32x4.add(s20, i32x4.dot_i16x8_s(r, v));
    v = pairsAt(b, 1, size);
    s01 = i32x4.add(s01, i32x4.dot_i16x8_s(p, v));
    s11 = i32x4.add(s11, i32x4.dot_i16x8_s(q, v));
    s21 = i32x4.add(s21, i32x4.dot_i16x8_s(r, v));
    v = pairsAt(b, 2, size);
    s02 = i32x4.add(s02, i32x4.dot_i16x8_s(p, v));
    s12 = i32x4.add(s12, i32x4.dot_i16x8_s(q, v));
    s22 = i32x4.add(s22, i32x4.dot_i16x8_s(r, v));
    a1 += 4;
    a2 += 4;
    b += ldb;
  }
  emit(out, s00, f, scales, hasScales);
  emit(out + 16, s01, f, scales + 16, hasScales);
  emit(out + 32, s02, f, scales + 32, hasScales);
  emit(out1, s10, f1, scales, hasScales);
  emit(out1 + 16, s11, f1, scales + 16, hasScales);
  emit(out1 + 32, s12, f1, scales + 32, hasScales);
  emit(out2, s20, f2, scales, hasScales);
  emit(out2 + 16, s21, f2, scales + 16, hasScales);
  emit(out2 + 32, s22, f2, scales + 32, hasScales);
}

/** 3 rows × 4 columns, otherwise as {@link codeTile3x12}. */
@inline
export function codeTile3x4(
  out: usize,
  out1: usize,
  out2: usize,
  a: usize,
  a1: usize,
  a2: usize,
  b: usize,
  ldb: usize,
  pairs: usize,
  f: v128,
  f1: v128,
  f2: v128,
  scales: usize,
  hasScales: bool,
  size: usize,
): void {
  let s0 = i32x4.splat(0),
    s1 = s0,
    s2 = s0;
  for (const end = a + (pairs << 2); a < end; a += 4) {
    const v = pairsAt(b, 0, size);
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load32_splat(a), v));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load32_splat(a1), v));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(v128.load32_splat(a2), v));
    a1 += 4;
    a2 += 4;
    b += ldb;
  }
  emit(out, s0, f, scales, hasScales);
  emit(out1, s1, f1, scales, hasScales);
  emit(out2, s2, f2, scales, hasScales);
}

/** One vector of a finished row: sum · factor. */
@inline
function emitRow(out: usize, sums: v128, factor: v128): void {
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(sums), factor));
}

/**
 * out = sum · factor, 1 row × 48 columns, for queries with keys of their own: all features of a pair of 48 tokens, or most of a
 * pair of values, lest lines come one in four, which no prefetcher follows.
 */
@inline
export function codeTile1x48(out: usize, a: usize, b: usize, ldb: usize, pairs: usize, f: v128, size: usize): void {
  let s0 = i32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0,
    s4 = s0,
    s5 = s0,
    s6 = s0,
    s7 = s0,
    s8 = s0,
    s9 = s0,
    s10 = s0,
    s11 = s0;
  for (const end = a + (pairs << 2); a < end; a += 4) {
    const p = v128.load32_splat(a);
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(p, pairsAt(b, 0, size)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(p, pairsAt(b, 1, size)));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(p, pairsAt(b, 2, size)));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(p, pairsAt(b, 3, size)));
    s4 = i32x4.add(s4, i32x4.dot_i16x8_s(p, pairsAt(b, 4, size)));
    s5 = i32x4.add(s5, i32x4.dot_i16x8_s(p, pairsAt(b, 5, size)));
    s6 = i32x4.add(s6, i32x4.dot_i16x8_s(p, pairsAt(b, 6, size)));
    s7 = i32x4.add(s7, i32x4.dot_i16x8_s(p, pairsAt(b, 7, size)));
    s8 = i32x4.add(s8, i32x4.dot_i16x8_s(p, pairsAt(b, 8, size)));
    s9 = i32x4.add(s9, i32x4.dot_i16x8_s(p, pairsAt(b, 9, size)));
    s10 = i32x4.add(s10, i32x4.dot_i16x8_s(p, pairsAt(b, 10, size)));
    s11 = i32x4.add(s11, i32x4.dot_i16x8_s(p, pairsAt(b, 11, size)));
    b += ldb;
  }
  emitRow(out, s0, f);
  emitRow(out + 16, s1, f);
  emitRow(out + 32, s2, f);
  emitRow(out + 48, s3, f);
  emitRow(out + 64, s4, f);
  emitRow(out + 80, s5, f);
  emitRow(out + 96, s6, f);
  emitRow(out + 112, s7, f);
  emitRow(out + 128, s8, f);
  emitRow(out + 144, s9, f);
  emitRow(out + 160, s10, f);
  emitRow(out + 176, s11, f);
}

/** 1 row × 4 columns, otherwise as {@link codeTile1x48}. */
@inline
export function codeTile1x4(out: usize, a: usize, b: usize, ldb: usize, pairs: usize, f: v128, size: usize): void {
  let s = i32x4.splat(0);
  for (const end = a + (pairs << 2); a < end; a += 4) {
    s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load32_splat(a), pairsAt(b, 0, size)));
    b += ldb;
  }
  emitRow(out, s, f);
}
