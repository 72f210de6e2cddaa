import { type ByteSource, truncated } from '../../format/files/byte-source.ts';

/** Bytes that come in order, in pieces of the sender's size. */
export interface Chunks {
  /** The next, undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Goes on at another byte. */
  seek(position: number): void;
  /** Lets what it holds go, for a while. */
  suspend(): void;
}

/** Bytes that are passed over sooner than asked for anew: GGUF aligns tensors to 64 KB at most. */
const MAX_GAP_BYTES = 2 ** 16;

/**
 * A file of which reads in order are one stream. Nothing is kept but the rest of the last chunk;
 * a read anywhere else but a little further on begins another stream.
 *
 * @param peek reads a part beside the stream
 */
export function sequentialSource(
  name: string,
  size: number,
  chunks: Chunks,
  peek?: ByteSource['peek'],
): ByteSource {
  /** Bytes from `at` on that have come and were not asked for. */
  let rest: Uint8Array = new Uint8Array();
  let at = 0;

  /** At most `length` bytes from `at` on, and at least one. */
  const take = async (length: number): Promise<Uint8Array> => {
    if (rest.byteLength === 0) {
      const chunk = await chunks.next();
      if (chunk === undefined) throw truncated(name, at + length, at);
      rest = chunk;
    }
    const taken = rest.subarray(0, length);
    rest = rest.subarray(taken.byteLength);
    at += taken.byteLength;
    return taken;
  };
  const seek = async (offset: number, length: number): Promise<void> => {
    if (offset + length > size) throw truncated(name, offset + length, size);
    if (offset - at <= MAX_GAP_BYTES) {
      for (let gap = offset - at; gap > 0;) gap -= (await take(gap)).byteLength;
    }
    if (offset === at) return;
    rest = new Uint8Array();
    at = offset;
    chunks.seek(offset);
  };
  const fill = async (target: Uint8Array, from: number): Promise<void> => {
    for (let filled = from; filled < target.byteLength;) {
      const taken = await take(target.byteLength - filled);
      target.set(taken, filled);
      filled += taken.byteLength;
    }
  };

  return {
    name,
    size,
    async read(offset, length) {
      await seek(offset, length);
      if (length === 0) return new Uint8Array();
      const first = await take(length);
      if (first.byteLength === length) return first;
      const bytes = new Uint8Array(length);
      bytes.set(first);
      await fill(bytes, first.byteLength);
      return bytes;
    },
    async readInto(offset, target) {
      await seek(offset, target.byteLength);
      await fill(target, 0);
    },
    ...(peek && { peek }),
    async close() {
      rest = new Uint8Array();
      chunks.suspend();
    },
  };
}

/**
 * The first `length` bytes of some.
 *
 * @throws TpaError `WEIGHTS_TRUNCATED` where there are fewer
 */
export async function readPart(name: string, length: number, chunks: Chunks): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  try {
    for (let filled = 0; filled < length;) {
      const chunk = await chunks.next();
      if (chunk === undefined) throw truncated(name, length, filled);
      const taken = chunk.subarray(0, length - filled);
      bytes.set(taken, filled);
      filled += taken.byteLength;
    }
    return bytes;
  } finally {
    chunks.suspend();
  }
}
