import type { FileType } from './subjects.ts';

/** Bytes of 32 numbers. */
export const BLOCK_BYTES: Readonly<Record<FileType, number>> = { F16: 64, Q8_0: 34, Q4_0: 18 };

/** Standard deviation of uniform codes: -128 … 127, and 0 … 15. */
const CODE_DEVIATION = { Q8_0: 73.9, Q4_0: 4.61 } as const;

/**
 * Random numbers as a file stores them, from a seed: uniform codes, such that a product with a row of
 * unit variance has about unit variance.
 *
 * @param count a multiple of 32
 * @param k inputs of the product
 * @param seed any integer but 0
 */
export function randomBlocks(type: FileType, count: number, k: number, seed: number): Uint8Array {
  const blocks = count / 32;
  const words = new Uint32Array(Math.ceil((blocks * BLOCK_BYTES[type]) / 4));
  let state = seed | 0;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  const deviation = 1 / Math.sqrt(k);
  if (type === 'F16') {
    // sign and fraction stay; the exponent makes it 1 to 2 times a power of two, 1.53 on average
    const exponent = (15 + Math.round(Math.log2(deviation / 1.53))) << 10;
    const both = exponent | (exponent << 16);
    for (let i = 0; i < words.length; i++) words[i] = (words[i]! & 0x83ff83ff) | both;
    return new Uint8Array(words.buffer, 0, count * 2);
  }
  const bytes = new Uint8Array(words.buffer, 0, blocks * BLOCK_BYTES[type]);
  const scale = halfBits(deviation / CODE_DEVIATION[type]);
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES[type]) {
    bytes[at] = scale & 0xff;
    bytes[at + 1] = scale >> 8;
  }
  return bytes;
}

/** A positive number below 2^16 as float16, rounded down. */
function halfBits(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(value)));
  const fraction = Math.floor((value / 2 ** exponent) * 1024);
  return fraction < 1024 ? fraction : ((exponent + 15) << 10) | (fraction - 1024);
}
