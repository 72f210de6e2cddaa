import { CODE_SCALE, CODE_SUM, CODES_BYTES } from '../layout/activations';
import { Q4, Q8, SCALES_BYTES, STRIP_ROW } from '../layout/quantized';
import { halves } from '../simd/half';
import { nibbleMask, nibbles } from '../simd/nibbles';

/*
 * One row times a strip of 24 columns, straight from the records: the product of a decoded token. Six
 * sums of integers and six of float32 fit the registers with a splat and a vector of codes. Codes
 * of 8 bits take three vector operations for eight multiply-adds (widen, multiply in pairs, add), those
 * of 4 bits three and a half; on Zen 3, which does three a cycle, more columns at a time, unrolling or
 * masking in place of shifting gain nothing.
 */

/** out (24) += x · W, the columns of a strip. Any alignment. */
export function rowStrip(out: usize, x: usize, w: usize, blocks: usize, format: u32): void {
  let c0 = v128.load(out),
    c1 = v128.load(out, 16),
    c2 = v128.load(out, 32);
  let c3 = v128.load(out, 48),
    c4 = v128.load(out, 64),
    c5 = v128.load(out, 80);
  const hasOffset = format != Q8,
    mask = nibbleMask();
  for (; blocks; blocks--) {
    let s0 = i32x4.splat(0),
      s1 = s0,
      s2 = s0,
      s3 = s0,
      s4 = s0,
      s5 = s0;
    const end = x + CODE_SCALE;
    if (format == Q4) {
      for (; x < end; x += 16) {
        s0 = addQuad(s0, x, w, mask);
        s1 = addQuad(s1, x, w + 16, mask);
        s2 = addQuad(s2, x, w + 32, mask);
        s3 = addQuad(s3, x, w + 48, mask);
        s4 = addQuad(s4, x, w + 64, mask);
        s5 = addQuad(s5, x, w + 80, mask);
        w += STRIP_ROW << 1;
      }
    } else {
      for (; x < end; x += 4) {
        const pair = v128.load32_splat(x);
        s0 = i32x4.add(s0, i32x4.dot_i16x8_s(pair, v128.load8x8_s(w)));
        s1 = i32x4.add(s1, i32x4.dot_i16x8_s(pair, v128.load8x8_s(w, 8)));
        s2 = i32x4.add(s2, i32x4.dot_i16x8_s(pair, v128.load8x8_s(w, 16)));
        s3 = i32x4.add(s3, i32x4.dot_i16x8_s(pair, v128.load8x8_s(w, 24)));
        s4 = i32x4.add(s4, i32x4.dot_i16x8_s(pair, v128.load8x8_s(w, 32)));
        s5 = i32x4.add(s5, i32x4.dot_i16x8_s(pair, v128.load8x8_s(w, 40)));
        w += STRIP_ROW;
      }
    }
    const scale = v128.load32_splat(x),
      sum = v128.load32_splat(x, CODE_SUM - CODE_SCALE);
    c0 = addBlock(c0, s0, scale, sum, w, hasOffset);
    c1 = addBlock(c1, s1, scale, sum, w + 8, hasOffset);
    c2 = addBlock(c2, s2, scale, sum, w + 16, hasOffset);
    c3 = addBlock(c3, s3, scale, sum, w + 24, hasOffset);
    c4 = addBlock(c4, s4, scale, sum, w + 32, hasOffset);
    c5 = addBlock(c5, s5, scale, sum, w + 40, hasOffset);
    x += CODES_BYTES - CODE_SCALE;
    w += hasOffset ? SCALES_BYTES << 1 : SCALES_BYTES;
  }
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
  v128.store(out, c3, 48);
  v128.store(out, c4, 64);
  v128.store(out, c5, 80);
}

/** Eight steps of four columns; splats are loaded for each, or they would leave no register. */
@inline
function addQuad(s: v128, x: usize, w: usize, mask: v128): v128 {
  const words = v128.load(w);
  s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load32_splat(x), nibbles(words, 0, mask)));
  s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load32_splat(x, 4), nibbles(words, 1, mask)));
  s = i32x4.add(s, i32x4.dot_i16x8_s(v128.load32_splat(x, 8), nibbles(words, 2, mask)));
  return i32x4.add(s, i32x4.dot_i16x8_s(v128.load32_splat(x, 12), nibbles(words, 3, mask)));
}

/** c + (scale of w · s + offset of w · sum) · scale of x, in the order that tiles have too. */
@inline
function addBlock(c: v128, s: v128, scale: v128, sum: v128, scales: usize, hasOffset: bool): v128 {
  let product = f32x4.mul(f32x4.convert_i32x4_s(s), halves(scales));
  if (hasOffset) product = f32x4.add(product, f32x4.mul(sum, halves(scales + SCALES_BYTES)));
  return f32x4.add(c, f32x4.mul(product, scale));
}
