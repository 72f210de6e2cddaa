import type { WeightDtype } from '../../src/layout/packed-weight.ts';
import type { Random } from '../helpers/checks/random.ts';
import { halfToNumber } from './half.ts';

/** Numbers of a block, and bytes of one on its way into panels. */
export const BLOCK = 32;
export const BLOCK_BYTES = 36;

export type QuantizedDtype = Exclude<WeightDtype, 'f32'>;

/** The largest code of a dtype is `largest`, the smallest `smallest`. */
export const CODES = {
  q8: { smallest: -128, largest: 127, hasOffset: false },
  'q8-offset': { smallest: -128, largest: 127, hasOffset: true },
  q4: { smallest: 0, largest: 15, hasOffset: true },
} as const satisfies Record<QuantizedDtype, object>;

/** Random float16 bits: finite, either sign, mostly near `size`, one in eight subnormal or 0. */
export function randomHalf(random: Random, size: number): number {
  const exponent = random.integer(0, 7) === 0 ? 0 : 15 + Math.floor(Math.log2(size));
  return (random.integer(0, 1) << 15) | (exponent << 10) | random.integer(0, 1023);
}

/** Blocks (rows, ⌈k / 32⌉) of random codes over the whole range of a dtype. */
export function randomBlocks(random: Random, dtype: QuantizedDtype, rows: number, k: number) {
  const blocks = new Uint8Array(rows * Math.ceil(k / BLOCK) * BLOCK_BYTES);
  const { smallest, largest, hasOffset } = CODES[dtype];
  const view = new DataView(blocks.buffer);
  for (let at = 0; at < blocks.length; at += BLOCK_BYTES) {
    for (let i = 0; i < BLOCK; i++) view.setInt8(at + i, random.integer(smallest, largest));
    view.setUint16(at + BLOCK, randomHalf(random, 0.01), true);
    view.setUint16(at + BLOCK + 2, hasOffset ? randomHalf(random, 0.1) : 0, true);
  }
  return blocks;
}

/** The numbers of blocks (rows, ⌈k / 32⌉) as (rows, k): scale · code + offset in float64. */
export function numbersOfBlocks(blocks: Uint8Array, rows: number, k: number): Float64Array {
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.length);
  const perRow = Math.ceil(k / BLOCK);
  return Float64Array.from({ length: rows * k }, (_, n) => {
    const [row, i] = [Math.floor(n / k), n % k];
    const at = (row * perRow + Math.floor(i / BLOCK)) * BLOCK_BYTES;
    const scale = halfToNumber(view.getUint16(at + BLOCK, true));
    const offset = halfToNumber(view.getUint16(at + BLOCK + 2, true));
    return scale * view.getInt8(at + (i % BLOCK)) + offset;
  });
}

/**
 * Blocks (rows, ⌈k / 32⌉) in panels of 48 columns: strips of 24 columns, each a record for each
 * block: codes, 24 scales, and 24 offsets where the dtype has them.
 */
export function packBlocks(
  blocks: Uint8Array,
  dtype: QuantizedDtype,
  rows: number,
  k: number,
): Uint8Array {
  const perRow = Math.ceil(k / BLOCK);
  const codeBytes = dtype === 'q4' ? 384 : 768;
  const record = codeBytes + (CODES[dtype].hasOffset ? 96 : 48);
  const out = new Uint8Array(Math.ceil(rows / 48) * 2 * perRow * record);
  for (let row = 0; row < rows; row++) {
    const [strip, column] = [Math.floor(row / 24), row % 24];
    for (let b = 0; b < perRow; b++) {
      const block = blocks.subarray((row * perRow + b) * BLOCK_BYTES);
      const to = out.subarray((strip * perRow + b) * record, (strip * perRow + b + 1) * record);
      for (let i = 0; i < BLOCK; i++) {
        const step = i % 8;
        const word = (Math.floor(i / 8) * 24 + column) * 2 + (step % 2);
        const nibble = Math.floor(step / 2);
        if (dtype === 'q4') to[2 * word + (nibble >> 1)]! |= block[i]! << (4 * (nibble % 2));
        else to[(Math.floor(i / 2) * 24 + column) * 2 + (i % 2)] = block[i]!;
      }
      to.set(block.subarray(32, 34), codeBytes + 2 * column);
      if (CODES[dtype].hasOffset) to.set(block.subarray(34, 36), codeBytes + 48 + 2 * column);
    }
  }
  return out;
}

/** A block of activations: 32 codes, their scale, and their sum. */
export interface ActivationBlock {
  readonly codes: readonly number[];
  readonly scale: number;
  readonly sum: number;
}

/** Rows x (rows, k) in blocks: scale = max |x| / 32767, codes rounded to nearest, 0 beyond k. */
export function quantizeRows(x: Float32Array, k: number): ActivationBlock[] {
  const out: ActivationBlock[] = [];
  for (let row = 0; row < x.length; row += k) {
    for (let i = row; i < row + k; i += BLOCK) {
      const block = x.subarray(i, Math.min(i + BLOCK, row + k));
      const largest = block.reduce((max, n) => Math.max(max, Math.abs(n)), 0);
      const inverse = largest < 2 ** -100 ? 0 : Math.fround(32767 / largest);
      const codes = Array.from({ length: BLOCK }, (_, n) =>
        n < block.length ? roundEven(Math.fround(block[n]! * inverse)) : 0,
      );
      const sum = codes.reduce((a, b) => a + b, 0);
      out.push({ codes, scale: Math.fround(largest / 32767), sum });
    }
  }
  return out;
}

/** x (rows, k) after it was codes: scale · code in float64. */
export function roundedActivations(x: Float32Array, k: number): Float64Array {
  const blocks = quantizeRows(x, k);
  const perRow = Math.ceil(k / BLOCK);
  return Float64Array.from(x, (_, n) => {
    const [row, i] = [Math.floor(n / k), n % k];
    const { codes, scale } = blocks[row * perRow + Math.floor(i / BLOCK)]!;
    return codes[i % BLOCK]! * scale;
  });
}

/** To the nearest integer, ties to even. */
function roundEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
