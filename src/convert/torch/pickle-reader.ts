import { invalidCheckpoint } from '../../format/errors.ts';

/** Reads the arguments of opcodes; nothing beyond the end of the bytes. */
export class PickleReader {
  readonly #view: DataView;
  readonly #subject: string;
  #at = 0;

  constructor(bytes: Uint8Array, subject: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#subject = subject;
  }

  /** Position of the next byte. */
  get position(): number {
    return this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** A count that is no more than the bytes left. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    const left = this.#view.byteLength - this.#at;
    if (value > left) throw invalidCheckpoint(this.#subject, `at most ${left} more bytes`, value);
    return Number(value);
  }

  /** Big-endian, as Python writes floats. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A signed integer of `length` bytes; what is no safe integer is no count of ours. */
  long(length: number): number {
    if (length === 0) return 0;
    const at = this.#take(length);
    let value = 0n;
    // 8 bytes hold every safe integer, a ninth the sign of an unsigned one.
    for (let i = Math.min(length, 9) - 1; i >= 0; i--) {
      value = (value << 8n) | BigInt(this.#view.getUint8(at + i));
    }
    const number = Number(BigInt.asIntN(8 * Math.min(length, 9), value));
    if (length <= 9 && Number.isSafeInteger(number)) return number;
    throw invalidCheckpoint(this.#subject, 'integers of at most 53 bits', `${length} bytes`);
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length);
  }

  text(length: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(length));
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw invalidCheckpoint(this.#subject, 'text in UTF-8', 'other bytes');
    }
  }

  /** Up to the next line feed, which is passed. */
  line(): string {
    const start = this.#at;
    let length = 0;
    while (this.u8() !== LINE_FEED) {
      if (++length > MAX_LINE) {
        throw invalidCheckpoint(this.#subject, `names of at most ${MAX_LINE} bytes`, 'more');
      }
    }
    this.#at = start;
    const text = this.text(length);
    this.#at++;
    return text;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#view.byteLength - at) {
      throw invalidCheckpoint(this.#subject, 'the STOP opcode', `its end at byte ${at}`);
    }
    this.#at += length;
    return at;
  }
}

const LINE_FEED = 0x0a;
/** Module and class names have below 50. */
const MAX_LINE = 256;
