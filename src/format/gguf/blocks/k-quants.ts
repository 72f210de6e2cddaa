import { float16At } from '../../tensors/half.ts';
import type { BlockType } from '../../tensors/block-type.ts';
import { blockType, type ReadBlock } from './reader.ts';

/*
 * Blocks of 256 elements in 16 groups of 16 or 8 of 32: a group has a small integer as its scale,
 * and in some types as its minimum, which the float16 scales of the block multiply. Products are
 * exact in float32, since 11 + 7 + 5 bits are fewer than 24; differences are rounded once.
 */

const BLOCK = 256;

/**
 * 2 bits a code. 16 bytes: scale and minimum of a group, 4 bits each; 64 of codes; the scales of
 * both. A byte of codes holds those of four groups: elements 32 apart.
 */
const readQ2: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at + 80);
  const minimum = float16At(blocks, at + 82);
  for (let group = 0; group < 16; group++) {
    const packed = blocks[at + group]!;
    const factor = scale * (packed & 15);
    const offset = -minimum * (packed >> 4);
    const codes = at + 16 + codesOf(group);
    const shift = group & 6;
    for (let i = 0; i < 16; i++) {
      out[to++] = factor * ((blocks[codes + i]! >> shift) & 3) + offset;
    }
  }
};

/**
 * 3 bits a code. 32 bytes: the third bits, those of elements 32 apart in one byte, 0 where 4 is
 * taken away; 64 of the other two bits, as above; 12 of scales, each 6 bits and 32 too high; their
 * scale.
 */
const readQ3: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at + 108);
  const scales = at + 96;
  for (let group = 0; group < 16; group++) {
    const low = (blocks[scales + (group & 7)]! >> (group < 8 ? 0 : 4)) & 15;
    const high = (blocks[scales + 8 + (group & 3)]! >> ((group >> 2) * 2)) & 3;
    const factor = scale * ((low | (high << 4)) - 32);
    const codes = at + 32 + codesOf(group);
    const shift = group & 6;
    const third = at + (group & 1) * 16;
    const bit = group >> 1;
    for (let i = 0; i < 16; i++) {
      const code = ((blocks[codes + i]! >> shift) & 3) | (((blocks[third + i]! >> bit) & 1) << 2);
      out[to++] = factor * (code - 4);
    }
  }
};

/** Where the bytes with the 2-bit codes of a group of 16 begin. */
function codesOf(group: number): number {
  return (group >> 3) * 32 + (group & 1) * 16;
}

/**
 * 4 bits a code. The scales of scales and minimums; 12 bytes with both; 128 of codes, where the low
 * halves of 32 bytes are one group and the high halves the next.
 */
const readQ4: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at);
  const minimum = float16At(blocks, at + 2);
  for (let group = 0; group < 8; group++) {
    const factor = scale * sixBitScale(blocks, at + 4, group);
    const offset = -minimum * sixBitMinimum(blocks, at + 4, group);
    const codes = at + 16 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      out[to++] = factor * ((blocks[codes + i]! >> shift) & 15) + offset;
    }
  }
};

/** 5 bits a code: as at 4 bits, with 32 bytes of the fifth bits before the others. */
const readQ5: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at);
  const minimum = float16At(blocks, at + 2);
  const fifth = at + 16;
  for (let group = 0; group < 8; group++) {
    const factor = scale * sixBitScale(blocks, at + 4, group);
    const offset = -minimum * sixBitMinimum(blocks, at + 4, group);
    const codes = at + 48 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const bit = (blocks[fifth + i]! >> group) & 1;
      out[to++] = factor * (((blocks[codes + i]! >> shift) & 15) | (bit << 4)) + offset;
    }
  }
};

/** Six bits of 12 bytes: those of groups 4 … 7 have their upper two above the others' six. */
function sixBitScale(blocks: Uint8Array, at: number, group: number): number {
  if (group < 4) return blocks[at + group]! & 63;
  return (blocks[at + group + 4]! & 15) | ((blocks[at + group - 4]! >> 6) << 4);
}

/** {@link sixBitScale} */
function sixBitMinimum(blocks: Uint8Array, at: number, group: number): number {
  if (group < 4) return blocks[at + group + 4]! & 63;
  return (blocks[at + group + 4]! >> 4) | ((blocks[at + group]! >> 6) << 4);
}

/**
 * 6 bits a code, 32 too high. 128 bytes of the lower four; 64 of the upper two; 16 signed scales;
 * their scale. Of a half of the block, byte i of the upper bits serves elements i, i + 32, i + 64
 * and i + 96; the lower bits of the first two are the low halves of bytes i and i + 32, those of
 * the others the high halves.
 */
const readQ6: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at + 208);
  for (let half = 0; half < 2; half++, to += 128) {
    const lower = at + half * 64;
    const upper = at + 128 + half * 32;
    const scales = at + 192 + half * 8;
    for (let start = 0; start < 32; start += 16) {
      const first = scales + (start >> 4);
      const a = scale * ((blocks[first]! << 24) >> 24);
      const b = scale * ((blocks[first + 2]! << 24) >> 24);
      const c = scale * ((blocks[first + 4]! << 24) >> 24);
      const d = scale * ((blocks[first + 6]! << 24) >> 24);
      for (let i = start; i < start + 16; i++) {
        const bits = blocks[upper + i]!;
        const one = blocks[lower + i]!;
        const two = blocks[lower + i + 32]!;
        out[to + i] = a * (((one & 15) | ((bits & 3) << 4)) - 32);
        out[to + i + 32] = b * (((two & 15) | ((bits & 12) << 2)) - 32);
        out[to + i + 64] = c * (((one >> 4) | (bits & 48)) - 32);
        out[to + i + 96] = d * (((two >> 4) | ((bits & 192) >> 2)) - 32);
      }
    }
  }
};

export const Q2_K = blockType('Q2_K', BLOCK, 84, readQ2);
export const Q3_K = blockType('Q3_K', BLOCK, 110, readQ3);
export const Q4_K = blockType('Q4_K', BLOCK, 144, readQ4, { dtype: 'q4', kind: 5 });
export const Q5_K = blockType('Q5_K', BLOCK, 176, readQ5, { dtype: 'q8-offset', kind: 6 });
export const Q6_K: BlockType = {
  ...blockType('Q6_K', BLOCK, 210, readQ6),
  // half of a Q4_K_M file: 1.5 ns a number in JavaScript
  kernel: 'dequantizeQ6K',
};
