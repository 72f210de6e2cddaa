import type { ByteSource } from '../format/byte-source.ts';

/** Large enough that calls cost nothing (below 1 MB they do), small against the 64 MB allowed. */
export const CHUNK_BYTES = 4 * 2 ** 20;

/** A range of a file in pieces of at most {@link CHUNK_BYTES}. */
export async function* readChunks(
  source: ByteSource,
  offset: number,
  byteLength: number,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < byteLength; at += CHUNK_BYTES) {
    yield await source.read(offset + at, Math.min(CHUNK_BYTES, byteLength - at));
  }
}
