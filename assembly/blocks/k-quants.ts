import { BLOCK_BYTES, SCALE_AT } from '../layout/blocks';
import { checkedHalf, roundHalves } from '../simd/half';

/*
 * Stored blocks of 256 numbers in 8 groups of 32, each with a scale and a minimum of 6 bits, which two float16 numbers
 * multiply. Each function decodes one and returns where the next begins.
 */

/** Bytes of the two float16 numbers, and of the groups' scales and minimums behind them. */
const HALVES: usize = 4;
const SCALES: usize = 12;
/** Of four bytes each: the low six bits, the low four, the upper two of six. */
const SIX: u32 = 0x3f3f3f3f;
const FOUR: u32 = 0x0f0f0f0f;
const UPPER: u32 = 0x30303030;

/** 16 bytes each: the low half of a byte; 16. */
// prettier-ignore
const TABLE = memory.data<u8>([
  15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
  16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
], 16);

/** Q4_K: of 32 bytes of codes the low halves are a group, the high halves the next. */
export function decodeQ4K(out: usize, from: usize): usize {
  const codes = from + HALVES + SCALES,
    mask = v128.load(TABLE);
  writeScales(out, from);
  for (let at = codes; at < codes + 128; at += 32) {
    const a = v128.load(at),
      b = v128.load(at, 16);
    v128.store(out, v128.and(a, mask));
    v128.store(out, v128.and(b, mask), 16);
    v128.store(out, v128.and(i16x8.shr_u(a, 4), mask), BLOCK_BYTES);
    v128.store(out, v128.and(i16x8.shr_u(b, 4), mask), BLOCK_BYTES + 16);
    out += BLOCK_BYTES << 1;
  }
  return codes + 128;
}

/** Q5_K: the same, and before it 32 bytes whose bit g is the fifth bit of the codes of group g. */
export function decodeQ5K(out: usize, from: usize): usize {
  const codes = from + HALVES + SCALES + 32,
    mask = v128.load(TABLE),
    fifth = v128.load(TABLE, 16);
  let e = v128.load(codes - 32),
    f = v128.load(codes - 16);
  writeScales(out, from);
  for (let at = codes; at < codes + 128; at += 32) {
    const a = v128.load(at),
      b = v128.load(at, 16);
    v128.store(out, v128.or(v128.and(a, mask), v128.and(i16x8.shl(e, 4), fifth)));
    v128.store(out, v128.or(v128.and(b, mask), v128.and(i16x8.shl(f, 4), fifth)), 16);
    const c = v128.and(i16x8.shr_u(a, 4), mask),
      d = v128.and(i16x8.shr_u(b, 4), mask);
    v128.store(out, v128.or(c, v128.and(i16x8.shl(e, 3), fifth)), BLOCK_BYTES);
    v128.store(out, v128.or(d, v128.and(i16x8.shl(f, 3), fifth)), BLOCK_BYTES + 16);
    // what comes over from the other byte of a pair never reaches bits 0 and 1
    e = i16x8.shr_u(e, 2);
    f = i16x8.shr_u(f, 2);
    out += BLOCK_BYTES << 1;
  }
  return codes + 128;
}

/** Scales and offsets of 8 blocks; those of groups 4 … 7 have their upper two bits above the others' six. */
function writeScales(out: usize, from: usize): void {
  const a = load<u32>(from, HALVES),
    b = load<u32>(from, HALVES + 4),
    c = load<u32>(from, HALVES + 8);
  const scale = f32x4.splat(checkedHalf(from)),
    minimum = f32x4.splat(-checkedHalf(from + 2));
  writeFour(out, scale, minimum, a & SIX, b & SIX);
  writeFour(
    out + 4 * BLOCK_BYTES,
    scale,
    minimum,
    (c & FOUR) | ((a >> 2) & UPPER),
    ((c >> 4) & FOUR) | ((b >> 2) & UPPER),
  );
}

/** Of four blocks: a byte of each for the scale, and for the minimum. */
function writeFour(out: usize, scale: v128, minimum: v128, scales: u32, minimums: u32): void {
  const words = v128.or(
    roundHalves(f32x4.mul(scale, bytesAsFloats(scales))),
    i32x4.shl(roundHalves(f32x4.mul(minimum, bytesAsFloats(minimums))), 16),
  );
  writeWords(out, words);
}

/** Scale and offset of four blocks, in a word each. */
@inline
export function writeWords(out: usize, words: v128): void {
  v128.store32_lane(out, words, 0, SCALE_AT);
  v128.store32_lane(out, words, 1, SCALE_AT + BLOCK_BYTES);
  v128.store32_lane(out, words, 2, SCALE_AT + 2 * BLOCK_BYTES);
  v128.store32_lane(out, words, 3, SCALE_AT + 3 * BLOCK_BYTES);
}


@inline
export function bytesAsFloats(bytes: u32): v128 {
  const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.splat(bytes)));
  return f32x4.convert_i32x4_s(words);
}
