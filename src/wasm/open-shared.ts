import { messageOf } from '../base/errors.ts';
import { WASM_PAGE } from './heap.ts';
import type { SharedKernels } from './instantiate-shared.ts';
import { shareBinary } from './shared-binary.ts';

/** No smaller memory is tried where the engine refuses larger ones: few models would fit. */
const LEAST_BYTES = 2 ** 27;
/** What a page needs before its memory may leave its thread. */
const ISOLATION =
  'the page is not cross-origin isolated: its server must send "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp"';

/** Kernels over a shared memory, and how many bytes it may hold. */
export interface OpenedShared {
  readonly shared: SharedKernels;
  readonly limit: number;
}

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
): Promise<OpenedShared> {
  if (binary instanceof WebAssembly.Module) {
    throw new Error(
      'kernels that are compiled already cannot share a memory; give "wasm" as bytes, a Response or a URL',
    );
  }
  const bytes = shareBinary(viewOf(binary));
  if (bytes === undefined) {
    throw new Error('"wasm" has kernels that cannot share a memory, as those of this version can');
  }
  const { memory, maximum } = createMemory(limit);
  return { shared: { module: await WebAssembly.compile(bytes), memory }, limit: maximum };
}

function viewOf(binary: BufferSource): Uint8Array {
  return ArrayBuffer.isView(binary)
    ? new Uint8Array(binary.buffer, binary.byteOffset, binary.byteLength)
    : new Uint8Array(binary);
}

/**
 * A memory that other threads can have. The engine sets all of it aside at once, which Safari on
 * iOS refuses for gigabytes that it would grant a plain memory: halves are tried then.
 */
function createMemory(limit: number): { memory: WebAssembly.Memory; maximum: number } {
  for (let maximum = limit; ; maximum /= 2) {
    try {
      const pages = Math.floor(maximum / WASM_PAGE);
      const memory = new WebAssembly.Memory({ initial: 1, maximum: pages, shared: true });
      checkShared(memory);
      return { memory, maximum };
    } catch (cause) {
      if (globalThis.crossOriginIsolated === false) throw new Error(ISOLATION, { cause });
      const isLast = !(cause instanceof RangeError) || maximum / 2 < LEAST_BYTES;
      if (isLast) throw new Error(`the engine shares no memory: ${messageOf(cause)}`, { cause });
    }
  }
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
