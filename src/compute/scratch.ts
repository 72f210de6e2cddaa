import type { Threads } from '../threads/threads.ts';
import type { Heap } from '../wasm/heap.ts';

/** Memory that an operation needs besides its operands. */
export interface ScratchBytes {
  /** For a range, at most. */
  readonly perLane: number;
  /** For what its ranges leave for the operation after it. */
  readonly partials: number;
}

/**
 * Allocates memory for every lane; where it does not fit, for one, and the other threads are ended.
 *
 * @param bytes how many by the lanes that there are
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function takeForLanes(heap: Heap, threads: Threads, bytes: () => number): number {
  const { pool } = threads;
  try {
    return heap.allocate(bytes());
  } catch (error) {
    if (pool === undefined || pool.lanes === 1) throw error;
    threads.reason = `the scratch of ${pool.lanes} threads did not fit the memory`;
    pool.keep(1);
    return heap.allocate(bytes());
  }
}
