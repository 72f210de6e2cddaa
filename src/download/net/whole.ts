import { TpaError, printable } from '../../base/errors.ts';
import { tooLarge } from '../../format/files/byte-source.ts';
import type { Chunks } from './sequential.ts';

/** First buffer of a file of unknown length. */
const FIRST_BUFFER_BYTES = 2 ** 20;

/**
 * All bytes of a file whose length nobody says.
 *
 * @throws TpaError `RESOURCE_LIMIT` as soon as there are more than `maxBytes`, `OUT_OF_MEMORY`
 */
export async function readWhole(
  file: string,
  chunks: Chunks,
  maxBytes: number,
): Promise<Uint8Array> {
  let bytes = new Uint8Array(FIRST_BUFFER_BYTES);
  let filled = 0;
  try {
    for (;;) {
      const chunk = await chunks.next();
      if (chunk === undefined) return bytes.subarray(0, filled);
      const needed = filled + chunk.byteLength;
      if (needed > maxBytes) throw tooLarge(file, needed, maxBytes);
      if (needed > bytes.byteLength) {
        const grown = allocate(file, Math.min(maxBytes, Math.max(needed, bytes.byteLength * 2)));
        grown.set(bytes.subarray(0, filled));
        bytes = grown;
      }
      bytes.set(chunk, filled);
      filled = needed;
    }
  } finally {
    chunks.suspend();
  }
}

function allocate(file: string, needed: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(needed);
  } catch (cause) {
    const message = `could not allocate ${needed} bytes for "${printable(file)}", whose length the server does not say`;
    throw new TpaError('OUT_OF_MEMORY', message, { cause, data: { needed } });
  }
}
