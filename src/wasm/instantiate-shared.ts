import type { Kernels } from './kernels.ts';

/** Kernels and the memory that every thread has them over; both may be posted to workers. */
export interface SharedKernels {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/**
 * The kernels of one more thread, at once: a worker has nothing else to do meanwhile. Static tables
 * are written again, with the bytes that they have.
 *
 * @throws WebAssembly.LinkError where the two do not fit each other
 */
export function instantiateShared({ module, memory }: SharedKernels): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
}
