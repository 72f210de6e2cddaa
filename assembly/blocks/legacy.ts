import { SCALE_AT } from '../layout/blocks';
import { half, roundHalves } from '../simd/half';

/*
 * Stored blocks of 32 numbers: a scale, a minimum where the name says so, fifth bits, codes. Each function decodes one
 * and returns where the next begins.
 */

/** 16 bytes each: the low half of a byte; 1 << the place of a byte in its 8; 0 and 1, 8 times each; 16. */
// prettier-ignore
const TABLE = memory.data<u8>([
  15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
  1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128,
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
  16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
], 16);

/** Q4_0: stored 0 … 15 stands for -8 … 7, so that the offset is -8 scales. */
export function decodeQ4(out: usize, from: usize): usize {
  const offset = roundHalves(f32x4.splat(half(from) * -8));
  return copyNibbles(out, from, from + 2, i32x4.extract_lane(offset, 0));
}

/** Q4_1. */
export function decodeQ4Minimum(out: usize, from: usize): usize {
  return copyNibbles(out, from, from + 4, load<u16>(from, 2));
}

/** Q5_0: stored 0 … 31 stands for -16 … 15. */
export function decodeQ5(out: usize, from: usize): usize {
  const next = copyFiveBits(out, from, from + 2, 0),
    zero = v128.load(TABLE, 48);
  v128.store(out, i8x16.sub(v128.load(out), zero));
  v128.store(out, i8x16.sub(v128.load(out, 16), zero), 16);
  return next;
}

/** Q5_1. */
export function decodeQ5Minimum(out: usize, from: usize): usize {
  return copyFiveBits(out, from, from + 4, load<u16>(from, 2));
}

/** Q8_0. */
export function decodeQ8(out: usize, from: usize): usize {
  v128.store(out, v128.load(from, 2));
  v128.store(out, v128.load(from, 18), 16);
  store<u32>(out, load<u16>(from), SCALE_AT);
  return from + 34;
}

/** Low halves of 16 bytes, then high halves. */
@inline
export function nibbles(out: usize, codes: v128): void {
  const mask = v128.load(TABLE);
  v128.store(out, v128.and(codes, mask));
  v128.store(out, v128.and(i16x8.shr_u(codes, 4), mask), 16);
}


@inline
function copyNibbles(out: usize, scale: usize, codes: usize, offset: u32): usize {
  nibbles(out, v128.load(codes));
  // one store: the scale and the offset are looked at together at once
  store<u32>(out, load<u16>(scale) | (offset << 16), SCALE_AT);
  return codes + 16;
}

/** A word of fifth bits before the codes. */
@inline
function copyFiveBits(out: usize, scale: usize, codes: usize, offset: u32): usize {
  const next = copyNibbles(out, scale, codes + 4, offset),
    place = v128.load(TABLE, 16),
    first = v128.load(TABLE, 32),
    fifth = v128.load(TABLE, 48);
  const low = i8x16.swizzle(v128.load16_splat(codes), first),
    high = i8x16.swizzle(v128.load16_splat(codes, 2), first);
  const one = v128.and(i8x16.eq(v128.and(low, place), place), fifth),
    other = v128.and(i8x16.eq(v128.and(high, place), place), fifth);
  v128.store(out, v128.or(v128.load(out), one));
  v128.store(out, v128.or(v128.load(out, 16), other), 16);
  return next;
}
