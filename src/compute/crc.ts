import { crc32c as crcOf } from '../base/crc32c.ts';
import type { Compute } from './compute.ts';

/** CRC-32C of bytes in wasm memory. */
export function crc32c({ heap }: Compute, at: number, bytes: number): number {
  return crcOf(heap.bytes(at, bytes));
}
