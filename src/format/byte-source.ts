import { TpaError } from '../errors.ts';
import { printable } from './printable.ts';

/** A file of known size that is read in pieces. */
export interface ByteSource {
  /** File name for messages. */
  readonly name: string;
  /** Bytes in the file. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset` on. They may be a view of the source: read, don't write.
   *
   * @throws TpaError `WEIGHTS_TRUNCATED` where the file ends before
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Releases the file; idempotent. */
  close(): Promise<void>;
}

/**
 * A {@link ByteSource} over bytes in memory; nothing is copied.
 *
 * @example
 * const source = bytesSource('model.safetensors', bytes);
 * const header = await readSafetensorsHeader(source);
 */
export function bytesSource(name: string, bytes: Uint8Array | ArrayBuffer): ByteSource {
  const all = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  return {
    name,
    size: all.byteLength,
    async read(offset, length) {
      if (offset + length > all.byteLength) {
        throw truncated(name, offset + length, all.byteLength);
      }
      return all.subarray(offset, offset + length);
    },
    async close() {},
  };
}

/** The error of a file that ends at byte `found` although `expected` bytes are needed. */
export function truncated(name: string, expected: number, found: number): TpaError {
  return new TpaError(
    'WEIGHTS_TRUNCATED',
    `"${printable(name)}" expected at least ${expected} bytes, found ${found}`,
    { details: { expected, found } },
  );
}
