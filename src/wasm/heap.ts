import { TpaError } from '../base/errors.ts';

/** One page of WebAssembly memory. */
export const WASM_PAGE = 65536;
/** Memory grows by at least this much, so that small allocations don't each cost a system call. */
const GROWTH = 1 << 20;
/** A cache line; every region starts on one. */
const ALIGNMENT = 64;
/** The most a 32-bit memory can hold: 4 GiB less the page that an end address could not name. */
export const MAX_MEMORY = 2 ** 32 - WASM_PAGE;

interface Block {
  readonly start: number;
  readonly end: number;
}

/** What the allocator needs of a memory; tests pass one that fails on demand. */
export interface GrowableMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/**
 * First-fit allocator over a memory that only TypeScript grows. Addresses are multiples of 64;
 * memory handed out is zero, because it is zeroed when it is given back: no cache ever shows
 * another session's bytes. Views are made at use, since they die when the memory grows.
 */
export class Heap {
  readonly #memory: GrowableMemory;
  readonly #limit: number;
  readonly #base: number;
  #free: Block[] = [];
  readonly #sizes = new Map<number, number>();
  #top: number;
  #used = 0;

  /**
   * @param base first address that is free
   * @param limit bytes of memory that must not be exceeded; rounded down to whole wasm pages
   */
  constructor(memory: GrowableMemory, base: number, limit: number) {
    this.#memory = memory;
    this.#limit = Math.floor(limit / WASM_PAGE) * WASM_PAGE;
    this.#base = align(base);
    this.#top = this.#base;
  }

  /** Bytes before the first region: what the kernels keep. */
  get base(): number {
    return this.#base;
  }

  /** Bytes handed out. */
  get used(): number {
    return this.#used;
  }

  /** Bytes of the memory itself. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Bytes of memory that may be used. */
  get limit(): number {
    return this.#limit;
  }

  /** Bytes that a region of `bytes` takes. */
  regionBytes(bytes: number): number {
    return Math.max(align(bytes), ALIGNMENT);
  }

  /**
   * Grows the memory at once by what is going to be handed out: each growth takes 1 to 5 ms.
   *
   * @throws TpaError `OUT_OF_MEMORY` where the engine has no more; nothing is changed then
   */
  reserve(bytes: number): void {
    this.#grow(Math.min(this.#top + bytes, this.#limit));
  }

  /**
   * Hands out `bytes` zeroed bytes.
   *
   * @returns the address, a multiple of 64
   * @throws TpaError `OUT_OF_MEMORY` with `{ needed, limit }`; nothing is changed then
   */
  allocate(bytes: number): number {
    const length = this.regionBytes(bytes);
    const start = this.#take(length);
    this.#sizes.set(start, length);
    this.#used += length;
    return start;
  }

  /** Takes a region back and zeroes it. */
  release(start: number): void {
    const length = this.#sizes.get(start);
    if (length === undefined)
      throw new RangeError(`"start" expected an allocated address, got ${start}`);
    this.#sizes.delete(start);
    this.#used -= length;
    // V8 writes a shared memory number by number: eight bytes at once are four times as fast
    new Float64Array(this.#memory.buffer, start, length / 8).fill(0);
    this.#insert({ start, end: start + length });
  }

  /** A view of `length` floats, valid until the next allocation. */
  floats(start: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, start, length);
  }

  /** A view of `length` unsigned words, valid until the next allocation. */
  words(start: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, start, length);
  }

  /** A view of bytes, valid until the next allocation. */
  bytes(start: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, start, length);
  }

  /** Copies bytes within the memory. */
  copy(to: number, from: number, bytes: number): void {
    new Uint8Array(this.#memory.buffer).copyWithin(to, from, from + bytes);
  }

  #take(length: number): number {
    const index = this.#free.findIndex((block) => block.end - block.start >= length);
    const block = this.#free[index];
    if (block !== undefined) {
      const rest = { start: block.start + length, end: block.end };
      if (rest.start === rest.end) this.#free.splice(index, 1);
      else this.#free[index] = rest;
      return block.start;
    }
    const start = this.#top;
    this.#grow(start + length);
    this.#top = start + length;
    return start;
  }

  #grow(needed: number): void {
    if (needed <= this.size) return;
    if (needed > this.#limit) throw outOfMemory(needed, this.#limit);
    const wanted = Math.min(Math.max(needed, this.size + GROWTH), this.#limit);
    try {
      this.#memory.grow(Math.ceil((wanted - this.size) / WASM_PAGE));
    } catch (cause) {
      throw outOfMemory(needed, this.#limit, cause);
    }
  }

  #insert(block: Block): void {
    const after = this.#free.findIndex((other) => other.start > block.start);
    const index = after < 0 ? this.#free.length : after;
    const left = this.#free[index - 1];
    const right = this.#free[index];
    const joinsLeft = left !== undefined && left.end === block.start;
    const joinsRight = right !== undefined && block.end === right.start;
    const merged = {
      start: joinsLeft ? left.start : block.start,
      end: joinsRight ? right.end : block.end,
    };
    const from = joinsLeft ? index - 1 : index;
    this.#free.splice(from, Number(joinsLeft) + Number(joinsRight), merged);
    const last = this.#free.at(-1);
    if (last?.end === this.#top) {
      this.#top = last.start;
      this.#free.pop();
    }
  }
}

function align(n: number): number {
  return Math.ceil(n / ALIGNMENT) * ALIGNMENT;
}

function outOfMemory(needed: number, limit: number, cause?: unknown): TpaError {
  const message = `memory expected to hold ${needed} bytes, got a limit of ${limit}; free a session or raise memoryLimit`;
  return new TpaError('OUT_OF_MEMORY', message, { cause, data: { needed, limit } });
}
