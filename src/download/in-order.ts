import { type ByteSource, tapped } from '../format/files/byte-source.ts';

/** Bytes read at once where only a {@link Sink} wants them. */
const PIECE_BYTES = 2 ** 20;

/** Receives every byte of a file once and in order. */
export interface Sink {
  /** Takes the next bytes, which stay as they are until the promise is settled. */
  write(bytes: Uint8Array): Promise<void>;
  /** The file is complete. */
  end(): Promise<void>;
}

/** A source that sinks follow. */
export interface FollowedSource extends ByteSource {
  /** Reads the rest for the sinks alone; does nothing after `close()`. */
  finish(): Promise<void>;
}

/**
 * A file of which each sink gets every byte, whatever parts of it are read. Where they are read in
 * order, as the weights are, each is read once.
 *
 * @param sinks end in this order; where one fails, those after it do not
 */
export function followed(source: ByteSource, sinks: readonly Sink[]): FollowedSource {
  const { size } = source;
  let hasEnded = sinks.length === 0;
  let at = hasEnded ? size : 0;
  let isOpen = true;

  const pass = async (offset: number, bytes: Uint8Array): Promise<void> => {
    const end = offset + bytes.byteLength;
    if (end > at) {
      const fresh = bytes.subarray(at - offset);
      at = end;
      for (const sink of sinks) await sink.write(fresh);
    }
    if (at < size || hasEnded) return;
    hasEnded = true;
    for (const sink of sinks) await sink.end();
  };
  const reach = async (offset: number): Promise<void> => {
    while (at < Math.min(offset, size)) {
      const bytes = await source.read(at, Math.min(PIECE_BYTES, offset - at, size - at));
      await pass(at, bytes);
    }
  };

  return {
    ...tapped(source, pass, reach),
    async finish() {
      if (!isOpen) return;
      await reach(size);
      await pass(size, new Uint8Array());
    },
    async close() {
      isOpen = false;
      await source.close();
    },
  };
}
