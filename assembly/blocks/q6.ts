import { checkedHalf } from '../simd/half';

/** Bytes of a stored block: 128 of the lower bits of codes, 64 of the upper two, 16 scales i8, their scale f16. */
const BYTES: usize = 210;
const UPPER: usize = 128;
const SCALES: usize = 192;
const SCALE: usize = 208;

/** 16 bytes each: the lower four bits of a code; the upper two; 32, which stands for 0. */
// prettier-ignore
const TABLE = memory.data<u8>([
  0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f,
  0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30,
  32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
], 16);

/**
 * out (count, 256) = the numbers of Q6_K blocks of GGUF (src/format/gguf/blocks/k-quants.ts): products of 11, 7 and 5
 * bits, exact; NaN where their scale is a NaN or infinite. 0.24 ns a number, where JavaScript takes 1.5.
 *
 * Any alignment; the numbers of a block may lie on blocks before it.
 */
export function dequantizeQ6K(out: usize, from: usize, count: usize): void {
  const low = v128.load(TABLE),
    high = v128.load(TABLE, 16);
  for (; count; count--) {
    const scale = checkedHalf(from + SCALE);
    // of either half of the numbers, 16 of each quarter at a time
    for (let part: usize = 0; part < 4; part++) {
      const lower = from + (part >> 1) * 64 + (part & 1) * 16,
        scales = from + SCALES + (part >> 1) * 8 + (part & 1);
      const a = v128.load(lower),
        b = v128.load(lower, 32),
        c = v128.load(from + part * 16, UPPER);
      const to = out + (part >> 1) * 512 + (part & 1) * 64;
      scaleCodes(to, v128.or(v128.and(a, low), v128.and(i16x8.shl(c, 4), high)), scale, scales);
      scaleCodes(to + 128, v128.or(v128.and(b, low), v128.and(i16x8.shl(c, 2), high)), scale, scales + 2);
      const d = v128.and(i16x8.shr_u(a, 4), low),
        e = v128.and(i16x8.shr_u(b, 4), low);
      scaleCodes(to + 256, v128.or(d, v128.and(c, high)), scale, scales + 4);
      scaleCodes(to + 384, v128.or(e, v128.and(i16x8.shr_u(c, 2), high)), scale, scales + 6);
    }
    from += BYTES;
    out += 1024;
  }
}

/** 16 codes, less 32, times a scale and the integer at `factor`. */
function scaleCodes(out: usize, codes: v128, scale: f32, factor: usize): void {
  const signed = i8x16.sub(codes, v128.load(TABLE, 32)),
    factors = f32x4.splat(scale * <f32>load<i8>(factor));
  const a = i16x8.extend_low_i8x16_s(signed),
    b = i16x8.extend_high_i8x16_s(signed);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(a)), factors));
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(a)), factors), 16);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(b)), factors), 32);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(b)), factors), 48);
}
