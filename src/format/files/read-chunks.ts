import type { ByteSource } from './byte-source.ts';

/** Large enough that calls cost nothing (below 1 MB they do), small against the 64 MB allowed. */
export const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * Two arrays that take turns: the one that was handed on can be written while the other is filled. 500 MB in fresh ones took 470 MB before they
 * were collected.
 */
export class ChunkBuffers {
  readonly #byteLength: number;
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  #next = 0;

  constructor(byteLength: number) {
    this.#byteLength = byteLength;
  }

  /** The one that was handed out before the last. */
  take(): Uint8Array<ArrayBuffer> {
    const index = this.#next;
    this.#next = 1 - index;
    return (this.#buffers[index] ??= new Uint8Array(this.#byteLength));
  }
}

/**
 * A range of a file in pieces of `step` bytes, the last one shorter. A piece is valid until the next
 * but one is drawn.
 */
export async function* readChunks(
  source: ByteSource,
  offset: number,
  byteLength: number,
  step = CHUNK_BYTES,
): AsyncGenerator<Uint8Array> {
  const buffers = new ChunkBuffers(Math.min(step, byteLength));
  for (let at = 0; at < byteLength; at += step) {
    const length = Math.min(step, byteLength - at);
    if (source.readInto) {
      const piece = buffers.take().subarray(0, length);
      await source.readInto(offset + at, piece);
      yield piece;
    } else {
      yield await source.read(offset + at, length);
    }
  }
}
