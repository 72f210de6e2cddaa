import { BLOCK_BYTES, SCALE_AT } from '../layout/blocks';
import { checkedHalf, roundHalves } from '../simd/half';
import { bytesAsFloats, writeWords } from './k-quants';

/*
 * Codes of 4 bits that stand for 16 numbers, which are the codes of the layout. Each function decodes a stored block and
 * returns where the next begins.
 */

/** The numbers (src/format/gguf/blocks/iq4.ts); then the low half of a byte, 16 times. */
// prettier-ignore
const TABLE = memory.data<i8>([
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
], 16);

/** IQ4_NL: 32 numbers with a scale. */
export function decodeIq4(out: usize, from: usize): usize {
  decodeCodes(out, from + 2);
  store<u32>(out, load<u16>(from), SCALE_AT);
  return from + 18;
}

/**
 * IQ4_XS: 256 numbers in 8 groups of 32. A float16 number; the upper two bits of the groups' scales, in 2 bytes; the
 * lower four, in 4; codes. A group's scale is 32 less.
 */
export function decodeIq4Groups(out: usize, from: usize): usize {
  const scale = f32x4.splat(checkedHalf(from)),
    upper = load<u16>(from, 2),
    lower = load<u32>(from, 4);
  writeFour(out, scale, lower, upper);
  writeFour(out + 4 * BLOCK_BYTES, scale, lower >> 16, upper >> 8);
  const end = from + 136;
  for (from += 8; from < end; from += 16) {
    decodeCodes(out, from);
    out += BLOCK_BYTES;
  }
  return end;
}

/** Scales of four groups, with no offset: four bits of `lower` and two of `upper` each, from the lowest on. */
@inline
function writeFour(out: usize, scale: v128, lower: u32, upper: u32): void {
  const low = (lower & 0xf) | ((lower & 0xf0) << 4) | ((lower & 0xf00) << 8) | ((lower & 0xf000) << 12),
    high = (upper & 3) | ((upper & 12) << 6) | ((upper & 48) << 12) | ((upper & 192) << 18);
  const factors = f32x4.sub(bytesAsFloats(low | (high << 4)), f32x4.splat(32));
  writeWords(out, roundHalves(f32x4.mul(scale, factors)));
}

/** 16 bytes: the low halves are the first 16 codes, the high halves the others. */
@inline
function decodeCodes(out: usize, from: usize): void {
  const values = v128.load(TABLE),
    mask = v128.load(TABLE, 16),
    codes = v128.load(from);
  v128.store(out, i8x16.swizzle(values, v128.and(codes, mask)));
  v128.store(out, i8x16.swizzle(values, v128.and(i16x8.shr_u(codes, 4), mask)), 16);
}
