import { printable, type TpaError } from '../../base/errors.ts';
import { invalidCheckpoint } from '../errors.ts';
import { ByteReader, decodeUtf8 } from '../files/byte-reader.ts';
import type { ByteSource } from '../files/byte-source.ts';

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
export function damagedGguf(file: string, expected: string, found: string): TpaError {
  return invalidCheckpoint(`the GGUF file "${printable(file)}"`, expected, damaged(found));
}

function damaged(found: string | bigint): string {
  return `${found}: the file is damaged, download or copy it again`;
}

/**
 * Reads values of a file, some bytes of which are at hand. Beyond those it throws {@link MoreBytes},
 * beyond the file `CHECKPOINT_INVALID`.
 */
export class GgufCursor extends ByteReader {
  readonly #start: number;
  readonly #size: number;
  #kept: number;

  /** @param start where in the file the bytes begin */
  constructor(bytes: Uint8Array, start: number, { name, size }: Pick<ByteSource, 'name' | 'size'>) {
    super(bytes, (length) => {
      const end = start + length;
      return end > size
        ? damagedGguf(name, `at least ${end} bytes`, `${size}`)
        : new MoreBytes(end);
    });
    this.#start = start;
    this.#size = size;
    this.#kept = start;
  }

  /** Counted from the start of the file. */
  override get position(): number {
    return this.#start + super.position;
  }

  /** Where to go on once more bytes are at hand. */
  get kept(): number {
    return this.#kept;
  }

  /** What has been read so far need not be read again. */
  keep(): void {
    this.#kept = this.position;
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
