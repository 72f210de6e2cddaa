import type { Compute } from './compute.ts';

/*
 * Blocks of quantised weights (layout/blocks.ts) from what files store. Copies, which are not cut
 * into ranges.
 */

/**
 * out (count): blocks with the codes of a file.
 *
 * @param from blocks as the file stores them
 * @param kind how it stores them, `BlockType.packed.kind`
 * @returns index of the first block whose scale or offset is no finite float16, -1 for none
 */
export function decodeBlocks(
  { kernels }: Compute,
  out: number,
  from: number,
  count: number,
  kind: number,
): number {
  return kernels.decodeBlocks(out, from, count, kind);
}

/**
 * out (rows, ⌈k / 32⌉): blocks of numbers x (rows, k).
 *
 * @param bits of a code, 8 or 4
 * @param errors address of two float64, to which Σ (x − x̂)² and Σ x² are added
 */
export function quantizeBlocks(
  { kernels }: Compute,
  out: number,
  x: number,
  rows: number,
  k: number,
  bits: 8 | 4,
  errors: number,
): void {
  kernels.quantizeBlocks(out, x, rows, k, bits, errors);
}
