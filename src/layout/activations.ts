import { blocksOf } from './blocks.ts';

/** Bytes of 32 activations as products with a quantised weight take them (assembly/layout/activations.ts). */
const CODES_BYTES = 72;

/** Bytes of `rows` rows of `k` activations as such codes: 2.25 a number. */
export function activationBytes(rows: number, k: number): number {
  return rows * blocksOf(k) * CODES_BYTES;
}
