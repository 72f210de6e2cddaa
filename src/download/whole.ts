import { MAX_FILE_BYTES } from './failures.ts';
import type { Chunks } from './sequential.ts';

/** First buffer of a file of unknown length. */
const FIRST_BUFFER_BYTES = 2 ** 20;

/** All bytes of a file whose length nobody says. */
export async function readWhole(chunks: Chunks): Promise<Uint8Array> {
  let bytes = new Uint8Array(FIRST_BUFFER_BYTES);
  let filled = 0;
  for (;;) {
    const chunk = await chunks.next();
    if (chunk === undefined) return bytes.subarray(0, filled);
    const needed = filled + chunk.byteLength;
    if (needed > bytes.byteLength) {
      const capacity = Math.min(MAX_FILE_BYTES, Math.max(needed, bytes.byteLength * 2));
      const grown = new Uint8Array(capacity);
      grown.set(bytes.subarray(0, filled));
      bytes = grown;
    }
    bytes.set(chunk, filled);
    filled = needed;
  }
}
