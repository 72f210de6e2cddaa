import { printable, TpaError } from '../../base/errors.ts';
import { type ByteSource, peek, readInto } from '../files/byte-source.ts';
import { GgufCursor, MoreBytes } from './cursor.ts';

/** Of a download no more than this is read of the weights before there is a place for them. */
const PIECE_BYTES = 2 ** 16;
/** A tokenizer.json of 64 MB beside a vocabulary. */
const MAX_HEADER_BYTES = 128 * 2 ** 20;

/** The beginning of a file, read as far as it is parsed and each byte once. */
export class HeaderBytes {
  readonly #source: ByteSource;
  #position = 0;
  #held: Uint8Array = new Uint8Array();

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Bytes that are parsed, counted from the start of the file. */
  get position(): number {
    return this.#position;
  }

  /** Bytes that have come and are not parsed. */
  get held(): Uint8Array {
    return this.#held;
  }

  /**
   * What `read` makes of the bytes from {@link position} on.
   *
   * @param read begins once more, behind what its cursor kept, whenever more bytes have come
   * @throws TpaError `RESOURCE_LIMIT` for a header that is too long; what `read` throws
   */
  async parse<T>(read: (cursor: GgufCursor) => T): Promise<T> {
    for (;;) {
      const cursor = new GgufCursor(this.#held, this.#position, this.#source);
      try {
        const value = read(cursor);
        this.#pass(cursor.position);
        return value;
      } catch (error) {
        if (!(error instanceof MoreBytes)) throw error;
        this.#pass(cursor.kept);
        await this.#fetch(error.needed);
      }
    }
  }

  /** The file, of which what has come is not read a second time. */
  rest(): ByteSource {
    const { name, size } = this.#source;
    const source = this.#source;
    const start = this.#position;
    let held = this.#held;
    const fill = async (offset: number, target: Uint8Array): Promise<void> => {
      const isHeld = offset >= start && offset < start + held.byteLength;
      const known = isHeld ? held.subarray(offset - start).subarray(0, target.byteLength) : held;
      const filled = isHeld ? known.byteLength : 0;
      if (isHeld) target.set(known);
      if (filled === target.byteLength) return;
      await readInto(source, offset + filled, target.subarray(filled));
      // Weights come in order: what lies before these is not asked for again.
      held = new Uint8Array();
    };
    const read = async (offset: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      await fill(offset, bytes);
      return bytes;
    };
    return {
      name,
      size,
      read,
      readInto: fill,
      peek(offset, length) {
        const isHeld = offset >= start && offset + length <= start + held.byteLength;
        return isHeld ? read(offset, length) : peek(source, offset, length);
      },
      close: () => source.close(),
    };
  }

  #pass(position: number): void {
    this.#held = this.#held.subarray(position - this.#position);
    this.#position = position;
  }

  async #fetch(needed: number): Promise<void> {
    const { name, size } = this.#source;
    if (needed > MAX_HEADER_BYTES) throw tooLong(name, needed);
    const end = this.#position + this.#held.byteLength;
    // Of a file whose length nobody says there may be no byte more than the one that is needed.
    const wanted = size === Infinity ? needed : Math.min(size, Math.max(needed, end + PIECE_BYTES));
    const grown = new Uint8Array(wanted - this.#position);
    grown.set(this.#held);
    await readInto(this.#source, end, grown.subarray(this.#held.byteLength));
    this.#held = grown;
  }
}

function tooLong(name: string, needed: number): TpaError {
  const limit = MAX_HEADER_BYTES;
  const message = `the header of "${printable(name)}" has more than ${limit} bytes`;
  return new TpaError('RESOURCE_LIMIT', message, { data: { needed, limit } });
}
