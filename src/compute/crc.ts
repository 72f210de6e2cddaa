import type { Compute } from './compute.ts';

/** What the kernel turns 256 bytes in. */
const SCRATCH_BYTES = 512;

/**
 * CRC-32C of bytes in wasm memory, now.
 *
 * @returns an integer in 0 … 2^32 - 1
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function crc32c(compute: Compute, at: number, bytes: number): number {
  const { heap, kernels } = compute;
  const scratch = heap.allocate(SCRATCH_BYTES);
  try {
    return compute.run(() => kernels.crc32c(scratch, at, bytes)) >>> 0;
  } finally {
    heap.release(scratch);
  }
}
