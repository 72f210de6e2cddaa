import type { TpaError } from '../../base/errors.ts';
import { invalidCheckpoint } from '../errors.ts';
import { ByteReader, decodeUtf8 } from '../files/byte-reader.ts';

/** Says that the header goes on beyond the bytes that were read of the file. */
export class MoreBytes extends Error {
  /** Bytes from the start of the file that are needed at least. */
  readonly needed: number;

  constructor(needed: number) {
    super(`${needed} bytes are needed`);
    this.needed = needed;
  }
}

/** The error of a GGUF file that has lost its beginning or its end. */
export function damagedGguf(expected: string, found: string): TpaError {
  return invalidCheckpoint('a GGUF file', expected, damaged(found));
}

function damaged(found: string | bigint): string {
  return `${found}: the file is damaged, download or copy it again`;
}

/**
 * Reads values from the beginning of a file. Beyond the bytes at hand it throws {@link MoreBytes},
 * beyond the file `CHECKPOINT_INVALID`.
 */
export class GgufCursor extends ByteReader {
  readonly #size: number;

  /** @param size bytes in the whole file, of which `bytes` are the first */
  constructor(bytes: Uint8Array, size: number) {
    super(bytes, (end) =>
      end > size ? damagedGguf(`at least ${end} bytes`, `${size}`) : new MoreBytes(end),
    );
    this.#size = size;
  }

  /**
   * A count of things that take at least `leastBytes` each, refused before anything is read where
   * it passes `limit` or what the file can hold.
   *
   * @throws TpaError `CHECKPOINT_INVALID`
   */
  count(subject: string, limit: number, leastBytes: number): number {
    const value = this.u64();
    const most = Math.min(limit, Math.floor((this.#size - this.position) / leastBytes));
    if (value <= most) return Number(value);
    throw invalidCheckpoint(subject, `a count of at most ${most}`, damaged(value));
  }

  /**
   * A string with its length before it.
   *
   * @throws TpaError `CHECKPOINT_INVALID` where it is longer than `limit` bytes or no UTF-8
   */
  string(subject: string, limit: number): string {
    const length = this.count(subject, limit, 1);
    return decodeUtf8(this.bytes(length), () =>
      invalidCheckpoint(subject, 'text in UTF-8', 'other bytes'),
    );
  }
}
