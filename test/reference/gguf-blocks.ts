import type { Random } from '../helpers/checks/random.ts';
import { halfToNumber } from './half.ts';

/*
 * The block types of GGUF, element by element, from the definition of the format: what a number of
 * a block is, as scale · code + offset, each of them exact in float64.
 */

/** An element: scale · code + offset. */
export interface BlockElement {
  readonly scale: number;
  readonly code: number;
  readonly offset: number;
}

interface Definition {
  /** Its number in a file. */
  readonly number: number;
  /** Elements of a block, and its bytes. */
  readonly length: number;
  readonly bytes: number;
  /** Where its float16 numbers lie. */
  readonly halves: readonly number[];
  element(block: Uint8Array, i: number): BlockElement;
}

export type BlockTypeName = keyof typeof BLOCKS;

const IQ4 = '-127 -104 -83 -65 -49 -35 -22 -10 1 13 25 38 53 69 89 113'.split(' ').map(Number);

/** Bits `first … first + count` of the bytes from `at` on, bit 0 the lowest of the first. */
function bits(block: Uint8Array, at: number, first: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const bit = first + i;
    value += (Math.floor(block[at + Math.floor(bit / 8)]! / 2 ** (bit % 8)) % 2) * 2 ** i;
  }
  return value;
}

/** The float16 at byte `at`. */
export function half(block: Uint8Array, at: number): number {
  return halfToNumber(block[at]! + 256 * block[at + 1]!);
}

/** Nibble `i` of 16 bytes whose low halves come first. */
const nibble = (block: Uint8Array, at: number, i: number) =>
  bits(block, at, (i % 16) * 8 + Math.floor(i / 16) * 4, 4);

function signed(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}

/** Scale and minimum of group `j` of Q4_K and Q5_K, from the 12 bytes at `at`. */
function sixBits(block: Uint8Array, at: number, j: number): [scale: number, minimum: number] {
  if (j < 4) return [bits(block, at + j, 0, 6), bits(block, at + j + 4, 0, 6)];
  return [
    bits(block, at + j + 4, 0, 4) + 16 * bits(block, at + j - 4, 6, 2),
    bits(block, at + j + 4, 4, 4) + 16 * bits(block, at + j, 6, 2),
  ];
}

/** The types that are read, by name. */
export const BLOCKS = {
  Q4_0: {
    number: 2,
    length: 32,
    bytes: 18,
    halves: [0],
    element: (b, i) => ({ scale: half(b, 0), code: nibble(b, 2, i), offset: -8 * half(b, 0) }),
  },
  Q4_1: {
    number: 3,
    length: 32,
    bytes: 20,
    halves: [0, 2],
    element: (b, i) => ({ scale: half(b, 0), code: nibble(b, 4, i), offset: half(b, 2) }),
  },
  Q5_0: {
    number: 6,
    length: 32,
    bytes: 22,
    halves: [0],
    element: (b, i) => ({
      scale: half(b, 0),
      code: nibble(b, 6, i) + 16 * bits(b, 2, i, 1) - 16,
      offset: 0,
    }),
  },
  Q5_1: {
    number: 7,
    length: 32,
    bytes: 24,
    halves: [0, 2],
    element: (b, i) => ({
      scale: half(b, 0),
      code: nibble(b, 8, i) + 16 * bits(b, 4, i, 1),
      offset: half(b, 2),
    }),
  },
  Q8_0: {
    number: 8,
    length: 32,
    bytes: 34,
    halves: [0],
    element: (b, i) => ({ scale: half(b, 0), code: signed(b[2 + i]!), offset: 0 }),
  },
  Q2_K: {
    number: 10,
    length: 256,
    bytes: 84,
    halves: [80, 82],
    element(b, i) {
      const group = Math.floor(i / 16);
      // 32 bytes hold 128 codes: those of elements 32 apart share a byte
      const at = 16 + Math.floor(i / 128) * 32 + (i % 32);
      return {
        scale: half(b, 80) * bits(b, group, 0, 4),
        code: bits(b, at, Math.floor((i % 128) / 32) * 2, 2),
        offset: -half(b, 82) * bits(b, group, 4, 4),
      };
    },
  },
  Q3_K: {
    number: 11,
    length: 256,
    bytes: 110,
    halves: [108],
    element(b, i) {
      const group = Math.floor(i / 16);
      const at = 32 + Math.floor(i / 128) * 32 + (i % 32);
      const low = bits(b, 96 + (group % 8), Math.floor(group / 8) * 4, 4);
      const high = bits(b, 104 + (group % 4), Math.floor(group / 4) * 2, 2);
      const third = bits(b, i % 32, Math.floor(i / 32), 1);
      return {
        scale: half(b, 108) * (low + 16 * high - 32),
        code: bits(b, at, Math.floor((i % 128) / 32) * 2, 2) - (third === 1 ? 0 : 4),
        offset: 0,
      };
    },
  },
  Q4_K: {
    number: 12,
    length: 256,
    bytes: 144,
    halves: [0, 2],
    element(b, i) {
      const group = Math.floor(i / 32);
      const [scale, minimum] = sixBits(b, 4, group);
      const at = 16 + Math.floor(group / 2) * 32 + (i % 32);
      return {
        scale: half(b, 0) * scale,
        code: bits(b, at, (group % 2) * 4, 4),
        offset: -half(b, 2) * minimum,
      };
    },
  },
  Q5_K: {
    number: 13,
    length: 256,
    bytes: 176,
    halves: [0, 2],
    element(b, i) {
      const group = Math.floor(i / 32);
      const [scale, minimum] = sixBits(b, 4, group);
      const at = 48 + Math.floor(group / 2) * 32 + (i % 32);
      return {
        scale: half(b, 0) * scale,
        code: bits(b, at, (group % 2) * 4, 4) + 16 * bits(b, 16 + (i % 32), group, 1),
        offset: -half(b, 2) * minimum,
      };
    },
  },
  Q6_K: {
    number: 14,
    length: 256,
    bytes: 210,
    halves: [208],
    element(b, i) {
      const [part, quarter] = [Math.floor(i / 128), Math.floor((i % 128) / 32)];
      const low = bits(
        b,
        part * 64 + (quarter % 2) * 32 + (i % 32),
        Math.floor(quarter / 2) * 4,
        4,
      );
      const high = bits(b, 128 + part * 32 + (i % 32), quarter * 2, 2);
      return {
        scale: half(b, 208) * signed(b[192 + Math.floor(i / 16)]!),
        code: low + 16 * high - 32,
        offset: 0,
      };
    },
  },
  IQ4_NL: {
    number: 20,
    length: 32,
    bytes: 18,
    halves: [0],
    element: (b, i) => ({ scale: half(b, 0), code: IQ4[nibble(b, 2, i)]!, offset: 0 }),
  },
  IQ4_XS: {
    number: 23,
    length: 256,
    bytes: 136,
    halves: [0],
    element(b, i) {
      const group = Math.floor(i / 32);
      const factor = bits(b, 4, group * 4, 4) + 16 * bits(b, 2, group * 2, 2) - 32;
      return {
        scale: half(b, 0) * factor,
        code: IQ4[nibble(b, 8 + group * 16, i % 32)]!,
        offset: 0,
      };
    },
  },
} as const satisfies Readonly<Record<string, Definition>>;

export const BLOCK_TYPE_NAMES = Object.keys(BLOCKS) as BlockTypeName[];

/** Element `i` of blocks one after the other. */
export function blockElement(type: BlockTypeName, blocks: Uint8Array, i: number): BlockElement {
  const { length, bytes, element }: Definition = BLOCKS[type];
  return element(blocks.subarray(Math.floor(i / length) * bytes), i % length);
}

/** Blocks of random bytes whose float16 numbers are at most `most`, itself one: all are as likely. */
export function randomBlocks(
  type: BlockTypeName,
  count: number,
  random: Random,
  most = 2,
): Uint8Array<ArrayBuffer> {
  const { bytes, halves } = BLOCKS[type];
  const out = Uint8Array.from({ length: count * bytes }, () => random.integer(0, 255));
  for (let at = 0; at < out.length; at += bytes) {
    for (const place of halves) {
      const word = random.integer(0, positiveBits(most)) + 0x8000 * random.integer(0, 1);
      out[at + place] = word % 256;
      out[at + place + 1] = Math.floor(word / 256);
    }
  }
  return out;
}

/** Bits of a positive float16, which have the order of the numbers. */
function positiveBits(value: number): number {
  const exponent = Math.max(Math.floor(Math.log2(value)), -15);
  if (exponent < -14) return value * 2 ** 24;
  return (exponent + 15) * 1024 + (value / 2 ** exponent - 1) * 1024;
}
