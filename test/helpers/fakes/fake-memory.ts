import type { GrowableMemory, Heap } from '../../../src/wasm/heap.ts';

/** Bytes of one page of WebAssembly memory. */
export const WASM_PAGE = 65536;

/** Counts calls and makes some of them fail. */
export interface FailurePlan {
  /** Counts a call; throws `error` if it is one that must fail. */
  count(error: () => Error): void;
  /** Makes call number `k` from now (1 is the next) fail, or that and all later ones. */
  failAt(k: number, isForEver?: boolean): void;
}

/** A plan by which nothing fails yet. */
export function createFailurePlan(): FailurePlan {
  let calls = 0;
  let first = Infinity;
  let last = Infinity;
  return {
    count(error) {
      calls++;
      if (calls >= first && calls <= last) throw error();
    },
    failAt(k, isForEver = false) {
      first = calls + k;
      last = isForEver ? Infinity : first;
    },
  };
}

/** `memory`, growing by plan, as an engine may refuse to at any time. */
export function createFailingMemory(memory: GrowableMemory, plan: FailurePlan): GrowableMemory {
  return {
    get buffer() {
      return memory.buffer;
    },
    grow(pages) {
      plan.count(() => new RangeError('failed to grow memory'));
      return memory.grow(pages);
    },
  };
}

/** Runs `work` while the heap's n-th allocation from now asks for more than there is. */
export async function withoutMemory<T>(heap: Heap, n: number, work: () => Promise<T>): Promise<T> {
  const allocate = heap.allocate.bind(heap);
  let left = n;
  heap.allocate = (bytes) => allocate(--left === 0 ? 2 ** 40 : bytes);
  try {
    return await work();
  } finally {
    heap.allocate = allocate;
  }
}

/** A memory of one page in a plain buffer. */
export function createFakeMemory(): GrowableMemory {
  let buffer = new ArrayBuffer(WASM_PAGE);
  return {
    get buffer() {
      return buffer;
    },
    grow(pages) {
      const before = buffer.byteLength;
      const grown = new ArrayBuffer(before + pages * WASM_PAGE);
      new Uint8Array(grown).set(new Uint8Array(buffer));
      // views of the old buffer die, as they do in an engine
      structuredClone(buffer, { transfer: [buffer] });
      buffer = grown;
      return before / WASM_PAGE;
    },
  };
}
