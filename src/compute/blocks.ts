import type { Compute } from './compute.ts';

/** Bytes for the sums of errors that {@link quantizeBlocks} adds to: two float64. */
export const ERROR_BYTES = 16;

/**
 * Stored blocks of a type of GGUF as blocks of a layout (layout/blocks.ts), with the codes that are
 * stored.
 *
 * @param out address of `count` blocks
 * @param from address of stored blocks
 * @param kind the type's number, from its `packed`
 * @returns the first block whose scale or offset is no number or beyond float16; -1 where all are
 *   good
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
 * Rows of float32 as blocks of a layout: 8 bits without offset, 4 bits with one.
 *
 * @param out address of (rows, blocksOf(k)) blocks
 * @param from address of (rows, k) finite numbers
 * @param errors address of {@link ERROR_BYTES}, zero before the first call
 * @returns the first block whose scale or offset is beyond float16; -1 where all are good
 */
export function quantizeBlocks(
  { kernels }: Compute,
  out: number,
  from: number,
  rows: number,
  k: number,
  bits: 8 | 4,
  errors: number,
): number {
  return kernels.quantizeBlocks(out, from, rows, k, bits, errors);
}

/**
 * The numbers of stored blocks as float32, by the kernel of their type.
 *
 * @param out address of their numbers; those of a block may lie on blocks before it
 * @param from address of `count` stored blocks
 */
export function dequantizeStored(
  { kernels }: Compute,
  kernel: 'dequantizeQ6K',
  out: number,
  from: number,
  count: number,
): void {
  kernels[kernel](out, from, count);
}
