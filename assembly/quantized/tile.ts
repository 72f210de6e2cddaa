import { CODE_SCALE, CODE_SUM, CODES_BYTES } from '../layout/activations';
import { WIDE_BYTES, WIDE_OFFSETS, WIDE_ROW, WIDE_SCALES } from './expand';

/**
 * out (3 rows, 12 columns) += x · W, half a strip of expanded blocks. Nine sums of integers, three splats,
 * a vector of codes and a product take 14 registers, and 24 vector operations make nine dot products: of
 * 2 × 24, 4 × 8, 4 × 12, 5 × 8 and 6 × 8 the next best, 4 × 8, is 8 % slower. Sums of float32 stay in
 * out, touched once a block. Strides are in bytes, any alignment.
 *
 * @param x blocks of quantizeRows
 * @param w expanded blocks, at the first of the columns
 */
export function tile3x12(out: usize, ldo: usize, x: usize, ldx: usize, w: usize, blocks: usize, hasOffset: bool): void {
  const next = out + ldo,
    last = next + ldo;
  for (; blocks; blocks--) {
    let s00 = i32x4.splat(0),
      s01 = s00,
      s02 = s00;
    let s10 = s00,
      s11 = s00,
      s12 = s00;
    let s20 = s00,
      s21 = s00,
      s22 = s00;
    let x1 = x + ldx,
      x2 = x1 + ldx;
    for (const end = x + CODE_SCALE; x < end; x += 4) {
      const p = v128.load32_splat(x),
        q = v128.load32_splat(x1),
        r = v128.load32_splat(x2);
      let v = v128.load(w);
      s00 = i32x4.add(s00, i32x4.dot_i16x8_s(p, v));
      s10 = i32x4.add(s10, i32x4.dot_i16x8_s(q, v));
      s20 = i32x4.add(s20, i32x4.dot_i16x8_s(r, v));
      v = v128.load(w, 16);
      s01 = i32x4.add(s01, i32x4.dot_i16x8_s(p, v));
      s11 = i32x4.add(s11, i32x4.dot_i16x8_s(q, v));
      s21 = i32x4.add(s21, i32x4.dot_i16x8_s(r, v));
      v = v128.load(w, 32);
      s02 = i32x4.add(s02, i32x4.dot_i16x8_s(p, v));
      s12 = i32x4.add(s12, i32x4.dot_i16x8_s(q, v));
      s22 = i32x4.add(s22, i32x4.dot_i16x8_s(r, v));
      x1 += 4;
      x2 += 4;
      w += WIDE_ROW;
    }
    addBlocks(out, s00, s01, s02, x, w, hasOffset);
    addBlocks(next, s10, s11, s12, x1, w, hasOffset);
    addBlocks(last, s20, s21, s22, x2, w, hasOffset);
    x += CODES_BYTES - CODE_SCALE;
    w += WIDE_BYTES - WIDE_SCALES;
  }
}

/**
 * Three vectors of a row: out += (scale of w · s + offset of w · sum) · scale of x, in the order that one row
 * has too.
 */
@inline
function addBlocks(out: usize, s0: v128, s1: v128, s2: v128, x: usize, scales: usize, hasOffset: bool): void {
  const scale = v128.load32_splat(x),
    sum = v128.load32_splat(x, CODE_SUM - CODE_SCALE);
  const c0 = addBlock(out, s0, scale, sum, scales, hasOffset),
    c1 = addBlock(out + 16, s1, scale, sum, scales + 16, hasOffset),
    c2 = addBlock(out + 32, s2, scale, sum, scales + 32, hasOffset);
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
}


@inline
function addBlock(out: usize, s: v128, scale: v128, sum: v128, scales: usize, hasOffset: bool): v128 {
  let product = f32x4.mul(f32x4.convert_i32x4_s(s), v128.load(scales));
  if (hasOffset) product = f32x4.add(product, f32x4.mul(sum, v128.load(scales, WIDE_OFFSETS - WIDE_SCALES)));
  return f32x4.add(v128.load(out), f32x4.mul(product, scale));
}
