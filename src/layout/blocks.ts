/** Numbers of a block of a quantised weight: they lie along k and share a scale and an offset. */
export const BLOCK = 32;

/**
 * Bytes of a block on its way into or out of panels (assembly/layout/blocks.ts): 32 codes i8, the
 * scale and the offset as float16. A number is scale · code + offset.
 */
export const BLOCK_BYTES = 36;

/** Blocks of a row of `k` numbers; the last is filled up with numbers that are 0. */
export function blocksOf(k: number): number {
  return Math.ceil(k / BLOCK);
}
