/** Large enough that calls cost nothing (below 1 MB they do), small against the 64 MB allowed. */
export const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * Gives two arrays in turn: the one that was handed on can be written while the other is filled.
 * 500 MB in fresh arrays took 470 MB before they were collected.
 */
export function twoBuffers(byteLength: number): () => Uint8Array<ArrayBuffer> {
  const buffers = [0, 1].map(() => new Uint8Array(byteLength));
  let turn = 0;
  return () => buffers[turn++ % 2]!;
}

/**
 * `byteLength` bytes in pieces of `step`, the last one shorter. A piece is valid until the next but
 * one is drawn.
 *
 * @param read fills an array with the bytes from an offset on
 */
export async function* readChunks(
  read: (offset: number, target: Uint8Array) => Promise<void>,
  byteLength: number,
  step = CHUNK_BYTES,
): AsyncGenerator<Uint8Array> {
  const take = twoBuffers(Math.min(step, byteLength));
  for (let at = 0; at < byteLength; at += step) {
    const piece = take().subarray(0, Math.min(step, byteLength - at));
    await read(at, piece);
    yield piece;
  }
}
