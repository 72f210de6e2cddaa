import { invalidCheckpoint } from '../errors.ts';

/** Says that the header goes on beyond the bytes that were read of the file. */
export class MoreBytes extends Error {
  /** Bytes from the start of the file that are needed at least. */
  readonly needed: number;

  constructor(needed: number) {
    super(`expected ${needed} bytes`);
    this.needed = needed;
  }
}

/** Reads little-endian values from the beginning of a file. */
export class GgufCursor {
  readonly #view: DataView;
  readonly #size: number;
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #at = 0;

  /** @param size bytes in the whole file, of which `bytes` are the first */
  constructor(bytes: Uint8Array, size: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#size = size;
  }

  /** Position of the next byte. */
  get position(): number {
    return this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.take(1));
  }

  i8(): number {
    return this.#view.getInt8(this.take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.take(2), true);
  }

  i16(): number {
    return this.#view.getInt16(this.take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.take(8), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.take(8), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.take(8), true);
  }

  /**
   * A count of things that take at least `leastBytes` each, refused before anything is read where
   * it passes `limit` or what the file can hold.
   *
   * @throws TpaError `CHECKPOINT_INVALID`
   */
  count(subject: string, limit: number, leastBytes: number): number {
    const value = this.u64();
    const most = Math.min(limit, Math.floor((this.#size - this.#at) / leastBytes));
    if (value <= most) return Number(value);
    throw invalidCheckpoint(subject, `a count of at most ${most}`, value);
  }

  /**
   * A string with its length before it.
   *
   * @throws TpaError `CHECKPOINT_INVALID` where it is longer than `limit` bytes or no UTF-8
   */
  string(subject: string, limit: number): string {
    const length = this.count(subject, limit, 1);
    const at = this.take(length);
    try {
      return this.#text.decode(
        new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length),
      );
    } catch {
      throw invalidCheckpoint(subject, 'text in UTF-8', 'other bytes');
    }
  }

  /**
   * Passes some bytes and says where they begin.
   *
   * @throws TpaError `CHECKPOINT_INVALID` where the file ends before, MoreBytes where it does not
   */
  take(length: number): number {
    const end = this.#at + length;
    if (end > this.#size)
      throw invalidCheckpoint('a GGUF header', `at least ${end} bytes`, this.#size);
    if (end > this.#view.byteLength) throw new MoreBytes(end);
    const at = this.#at;
    this.#at = end;
    return at;
  }
}
