import { CHUNK_BYTES, ChunkBuffers, readChunks } from '../files/read-chunks.ts';
import type { ByteSource } from '../files/byte-source.ts';

/** Rows that were put in another order, head by head. */
export interface PermutedRows {
  readonly heads: number;
  readonly headDim: number;
  /** Bytes of a row as it is stored. */
  readonly rowBytes: number;
}

/**
 * A projection's rows in the order in which RoPE pairs the halves of a head. llama.cpp rotates
 * neighbours instead, and its converter moves rows i and i + headDim/2 of each head to 2i and
 * 2i + 1; this moves them back. A piece holds whole heads and is valid until the next but
 * one is drawn.
 */
export async function* readUnpermuted(
  source: ByteSource,
  offset: number,
  { heads, headDim, rowBytes }: PermutedRows,
): AsyncGenerator<Uint8Array> {
  const headBytes = headDim * rowBytes;
  const step = Math.max(1, Math.floor(CHUNK_BYTES / headBytes)) * headBytes;
  const half = headDim / 2;
  const buffers = new ChunkBuffers(Math.min(step, heads * headBytes));
  for await (const stored of readChunks(source, offset, heads * headBytes, step)) {
    const out = buffers.take();
    const rows = stored.byteLength / rowBytes;
    for (let row = 0; row < rows; row++) {
      const inHead = row % headDim;
      const from = row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
      out.set(stored.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
    }
    yield out.subarray(0, stored.byteLength);
  }
}
