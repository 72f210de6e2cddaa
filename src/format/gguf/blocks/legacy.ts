import { float16At } from '../../tensors/half.ts';
import { blockType, type ReadBlock } from './reader.ts';

/*
 * Blocks of 32 elements: a float16 scale, a float16 minimum where the name ends in 1, the fifth bits
 * of 5-bit codes, then the codes. The low halves of 16 bytes are the codes of the first 16 elements,
 * the high halves those of the others. Products are exact in float32, since 11 bits times 8 are fewer
 * than 24; a sum with a minimum is rounded once.
 */

const BLOCK = 32;
const HALF = BLOCK / 2;
/** Stored 0 … 15 stands for -8 … 7. */
const Q4_ZERO = 8;
/** Stored 0 … 31 stands for -16 … 15. */
const Q5_ZERO = 16;

const readQ4: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at);
  readNibbles(blocks, at + 2, out, to, scale, -Q4_ZERO * scale);
};

const readQ4WithMinimum: ReadBlock = (blocks, at, out, to) => {
  readNibbles(blocks, at + 4, out, to, float16At(blocks, at), float16At(blocks, at + 2));
};

const readQ5: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at);
  readFiveBits(blocks, at + 2, out, to, scale, -Q5_ZERO * scale);
};

const readQ5WithMinimum: ReadBlock = (blocks, at, out, to) => {
  readFiveBits(blocks, at + 4, out, to, float16At(blocks, at), float16At(blocks, at + 2));
};

const readQ8: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at);
  for (let i = 0; i < BLOCK; i++) out[to + i] = scale * ((blocks[at + 2 + i]! << 24) >> 24);
};

function readNibbles(
  blocks: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  scale: number,
  offset: number,
): void {
  for (let i = 0; i < HALF; i++) {
    const pair = blocks[at + i]!;
    out[to + i] = scale * (pair & 15) + offset;
    out[to + i + HALF] = scale * (pair >> 4) + offset;
  }
}

/** The fifth bits of all 32 codes are one word before the others. */
function readFiveBits(
  blocks: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  scale: number,
  offset: number,
): void {
  const low = blocks[at]! | (blocks[at + 1]! << 8);
  const high = blocks[at + 2]! | (blocks[at + 3]! << 8);
  for (let i = 0; i < HALF; i++) {
    const pair = blocks[at + 4 + i]!;
    out[to + i] = scale * ((pair & 15) | (((low >> i) & 1) << 4)) + offset;
    out[to + i + HALF] = scale * ((pair >> 4) | (((high >> i) & 1) << 4)) + offset;
  }
}

export const Q4_0 = blockType('Q4_0', BLOCK, 18, readQ4, { dtype: 'q4', kind: 0 });
export const Q4_1 = blockType('Q4_1', BLOCK, 20, readQ4WithMinimum, { dtype: 'q4', kind: 1 });
export const Q5_0 = blockType('Q5_0', BLOCK, 22, readQ5, { dtype: 'q8', kind: 2 });
// prettier-ignore
export const Q5_1 = blockType('Q5_1', BLOCK, 24, readQ5WithMinimum, { dtype: 'q8-offset', kind: 3 });
export const Q8_0 = blockType('Q8_0', BLOCK, 34, readQ8, { dtype: 'q8', kind: 4 });
