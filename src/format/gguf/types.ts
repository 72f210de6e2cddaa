import { widenToFloat32 } from '../tensors/half.ts';

/** Elements of a block: they share one scale. */
const BLOCK = 32;
const SCALE_BYTES = 2;
const Q8_BYTES = SCALE_BYTES + BLOCK;
const Q4_BYTES = SCALE_BYTES + BLOCK / 2;
const HALF = BLOCK / 2;
/** Stored 0 … 15 stands for -8 … 7. */
const Q4_ZERO = 8;

/**
 * Q8_0 blocks (a float16 scale, 32 signed bytes) as float32: scale times byte, which is exact, 11
 * bits times 8 being less than 24.
 *
 * @param out 32 elements for each block
 */
export function dequantizeQ8(blocks: Uint8Array, out: Float32Array): void {
  const scales = readScales(blocks, Q8_BYTES);
  const bytes = new Int8Array(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  for (let block = 0; block < scales.length; block++) {
    const scale = scales[block]!;
    const start = block * BLOCK;
    let from = block * Q8_BYTES + SCALE_BYTES;
    // Four at a time: 1,800 -> 2,500 MB/s of float32.
    for (let to = start; to < start + BLOCK; to += 4, from += 4) {
      out[to] = scale * bytes[from]!;
      out[to + 1] = scale * bytes[from + 1]!;
      out[to + 2] = scale * bytes[from + 2]!;
      out[to + 3] = scale * bytes[from + 3]!;
    }
  }
}

/**
 * Q4_0 blocks (a float16 scale, 32 numbers of 4 bits) as float32, exact. The low halves of the 16
 * bytes are the first 16 elements, the high halves the others.
 *
 * @param out 32 elements for each block
 */
export function dequantizeQ4(blocks: Uint8Array, out: Float32Array): void {
  const scales = readScales(blocks, Q4_BYTES);
  for (let block = 0; block < scales.length; block++) {
    const scale = scales[block]!;
    const start = block * BLOCK;
    let from = block * Q4_BYTES + SCALE_BYTES;
    for (let to = start; to < start + HALF; to += 2, from += 2) {
      const pair = blocks[from]!;
      const next = blocks[from + 1]!;
      out[to] = scale * ((pair & 15) - Q4_ZERO);
      out[to + 1] = scale * ((next & 15) - Q4_ZERO);
      out[to + HALF] = scale * ((pair >> 4) - Q4_ZERO);
      out[to + HALF + 1] = scale * ((next >> 4) - Q4_ZERO);
    }
  }
}

function readScales(blocks: Uint8Array, blockBytes: number): Float32Array {
  const halves = new Uint8Array((blocks.byteLength / blockBytes) * SCALE_BYTES);
  for (let to = 0, from = 0; to < halves.length; to += SCALE_BYTES, from += blockBytes) {
    halves[to] = blocks[from]!;
    halves[to + 1] = blocks[from + 1]!;
  }
  return widenToFloat32(halves, 'F16');
}

/** How the elements of a tensor are stored. */
export interface GgufType {
  readonly name: string;
  /** Elements that are stored together; a row is a whole number of blocks. */
  readonly blockLength: number;
  readonly blockBytes: number;
}

const Q4 = { name: 'Q4_0', blockLength: BLOCK, blockBytes: Q4_BYTES, dequantize: dequantizeQ4 };
const Q8 = { name: 'Q8_0', blockLength: BLOCK, blockBytes: Q8_BYTES, dequantize: dequantizeQ8 };

/** Types of blocks that share a scale, and what makes float32 of them. */
export const BLOCK_TYPES = [Q4, Q8];

/** The types that are read, by their numbers in the file. */
export const GGUF_TYPES: ReadonlyMap<number, GgufType> = new Map<number, GgufType>([
  [0, { name: 'F32', blockLength: 1, blockBytes: 4 }],
  [1, { name: 'F16', blockLength: 1, blockBytes: 2 }],
  [2, Q4],
  [8, Q8],
  [30, { name: 'BF16', blockLength: 1, blockBytes: 2 }],
]);

/** The names of all types by their numbers, to refuse by name those that are not read. */
const NAMES = (
  'F32 F16 Q4_0 Q4_1 - - Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS ' +
  'IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 - - - TQ1_0 TQ2_0 - - - ' +
  'MXFP4'
).split(' ');

/** The name of a type; undefined for a number that stands for none. */
export function ggufTypeName(number: number): string | undefined {
  return NAMES[number] === '-' ? undefined : NAMES[number];
}
