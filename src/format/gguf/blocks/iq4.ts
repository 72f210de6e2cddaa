import { float16At } from '../../tensors/half.ts';
import { blockType, type ReadBlock } from './reader.ts';

/*
 * Codes of 4 bits that stand for 16 numbers, closer together around 0, where most weights lie. The
 * low halves of 16 bytes are the codes of the first 16 elements of 32, the high halves those of the
 * others.
 */

const BLOCK = 32;
const HALF = BLOCK / 2;
/** Blocks of {@link BLOCK} that share a float16 scale in IQ4_XS. */
const GROUPS = 8;

/** Those of llama.cpp; they are in assembly/blocks too. */
const VALUES = new Int8Array([
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
]);

/** A float16 scale, then the codes. */
const readSingle: ReadBlock = (blocks, at, out, to) => {
  readCodes(blocks, at + 2, out, to, float16At(blocks, at));
};

/**
 * The scale of 8 groups; 2 bytes with the upper two bits of the groups' scales, 4 with the lower
 * four, each scale 32 too high; the codes.
 */
const readGroups: ReadBlock = (blocks, at, out, to) => {
  const scale = float16At(blocks, at);
  const upper = blocks[at + 2]! | (blocks[at + 3]! << 8);
  for (let group = 0; group < GROUPS; group++) {
    const low = (blocks[at + 4 + (group >> 1)]! >> ((group & 1) * 4)) & 15;
    const factor = (low | (((upper >> (2 * group)) & 3) << 4)) - 32;
    readCodes(blocks, at + 8 + group * HALF, out, to + group * BLOCK, scale * factor);
  }
};

function readCodes(
  blocks: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  scale: number,
): void {
  for (let i = 0; i < HALF; i++) {
    const pair = blocks[at + i]!;
    out[to + i] = scale * VALUES[pair & 15]!;
    out[to + i + HALF] = scale * VALUES[pair >> 4]!;
  }
}

export const IQ4_NL = blockType('IQ4_NL', BLOCK, 18, readSingle, { dtype: 'q8', kind: 7 });
// prettier-ignore
export const IQ4_XS = blockType('IQ4_XS', GROUPS * BLOCK, 136, readGroups, { dtype: 'q8', kind: 8 });
