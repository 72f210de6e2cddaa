import type { ByteSource } from '../format/byte-source.ts';

/** Large enough that calls cost nothing (below 1 MB they do), small against the 64 MB allowed. */
export const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * A range of a file in pieces of `step` bytes, the last one shorter. A piece is valid until the next
 * is drawn: one array for all, where 500 MB in fresh ones took 470 MB before they were collected.
 */
export async function* readChunks(
  source: ByteSource,
  offset: number,
  byteLength: number,
  step = CHUNK_BYTES,
): AsyncGenerator<Uint8Array> {
  const buffer = source.readInto && new Uint8Array(Math.min(step, byteLength));
  for (let at = 0; at < byteLength; at += step) {
    const length = Math.min(step, byteLength - at);
    if (!buffer || !source.readInto) {
      yield await source.read(offset + at, length);
    } else {
      const piece = buffer.subarray(0, length);
      await source.readInto(offset + at, piece);
      yield piece;
    }
  }
}
