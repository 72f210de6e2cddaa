import { messageOf, TpaError } from '../base/errors.ts';
import { MAX_MEMORY, WASM_PAGE } from './heap.ts';
import type { SharedKernels } from './instantiate-shared.ts';
import { shareBinary } from './shared-binary.ts';

/** What a page needs before its memory may leave its thread. */
const ISOLATION =
  'the page is not cross-origin isolated: its server must send "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp"';
/** No smaller limit is proposed: few models would fit. */
const LEAST_BYTES = 2 ** 27;

/**
 * Kernels over a new shared memory. It was seen to be shared: a flag that says so is not believed.
 *
 * @param binary bytes: what is compiled already cannot be changed
 * @param limit bytes that the memory may hold at most
 * @throws Error whose message says why there is none
 */
export async function openShared(
  binary: WebAssembly.Module | BufferSource,
  limit: number,
): Promise<SharedKernels> {
  if (binary instanceof WebAssembly.Module) {
    throw new Error(
      'kernels that are compiled already cannot share a memory; give "wasm" as bytes, a Response or a URL',
    );
  }
  const bytes = shareBinary(viewOf(binary));
  if (bytes === undefined) {
    throw new Error('"wasm" has kernels that cannot share a memory, as those of this version can');
  }
  const memory = openMemory(limit);
  return { module: await WebAssembly.compile(bytes), memory };
}

/**
 * Why something did not fit a shared memory that should have held it: the engine did not let it
 * grow. Undefined for every other error.
 *
 * @param limit bytes that the memory was to hold
 */
export function growthRefusal(error: unknown, limit = MAX_MEMORY): string | undefined {
  const isRefused =
    error instanceof TpaError &&
    error.code === 'OUT_OF_MEMORY' &&
    Number(error.data['needed']) <= limit;
  return isRefused ? `the shared memory did not grow: ${error.message}` : undefined;
}

function viewOf(binary: BufferSource): Uint8Array {
  return ArrayBuffer.isView(binary)
    ? new Uint8Array(binary.buffer, binary.byteOffset, binary.byteLength)
    : new Uint8Array(binary);
}

/** A memory that other threads can have. */
function openMemory(limit: number): WebAssembly.Memory {
  try {
    const memory = createMemory(limit);
    checkShared(memory);
    return memory;
  } catch (cause) {
    if (globalThis.crossOriginIsolated === false) throw new Error(ISOLATION, { cause });
    const cure = cause instanceof RangeError ? smallerLimit(limit) : '';
    throw new Error(`the engine shares no memory: ${messageOf(cause)}${cure}`, { cause });
  }
}

function createMemory(limit: number): WebAssembly.Memory {
  return new WebAssembly.Memory({
    initial: 1,
    maximum: Math.floor(limit / WASM_PAGE),
    shared: true,
  });
}

/** Gives the memory away, as to a worker, and looks whether what grows is the same memory there. */
function checkShared(memory: WebAssembly.Memory): void {
  if (!isShared(memory)) throw new Error('its buffer is not a SharedArrayBuffer');
  const given = structuredClone(memory);
  memory.grow(1);
  const sizes = [memory, given].map(({ buffer }) => buffer.byteLength);
  const isSeen = isShared(given) && sizes.every((size) => size === 2 * WASM_PAGE);
  if (!isSeen) throw new Error('it does not grow in every thread');
}

/** By its name: the class is hidden from pages that are not isolated. */
function isShared({ buffer }: WebAssembly.Memory): boolean {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}

/**
 * What to do where the engine refuses a shared memory of this size, since it sets all of it aside
 * at once, as Safari on iOS does. A smaller one is not taken unasked: a model could become too
 * large, or get weights of another dtype, because of threads.
 */
function smallerLimit(limit: number): string {
  for (let smaller = limit / 2; smaller >= LEAST_BYTES; smaller /= 2) {
    try {
      createMemory(smaller);
      return `; a "memoryLimit" of ${Math.floor(smaller)} can be shared`;
    } catch {
      // smaller yet
    }
  }
  return '';
}
