import { invalidCheckpoint } from '../../format/errors.ts';
import { ByteReader, decodeUtf8 } from '../../format/files/byte-reader.ts';

const LINE_FEED = 0x0a;
/** Module and class names have below 50. */
const MAX_LINE = 256;

/** Reads the arguments of opcodes. */
export class PickleReader extends ByteReader {
  readonly #subject: string;

  constructor(bytes: Uint8Array, subject: string) {
    super(bytes, () =>
      invalidCheckpoint(subject, 'the STOP opcode', `its end at byte ${bytes.byteLength}`),
    );
    this.#subject = subject;
  }

  /** A count of 8 bytes that is no more than the bytes left. */
  count(): number {
    const value = this.u64();
    if (value <= this.left) return Number(value);
    throw invalidCheckpoint(this.#subject, `at most ${this.left} more bytes`, value);
  }

  /** A signed integer of `length` bytes; what is no safe integer is no count of ours. */
  long(length: number): number {
    const bytes = this.bytes(length);
    let value = 0n;
    // 8 bytes hold every safe integer, a ninth the sign of an unsigned one.
    for (const byte of bytes.subarray(0, 9).toReversed()) value = (value << 8n) | BigInt(byte);
    const number = Number(BigInt.asIntN(8 * Math.min(length, 9), value));
    if (length <= 9 && Number.isSafeInteger(number)) return number;
    throw invalidCheckpoint(this.#subject, 'integers of at most 53 bits', `${length} bytes`);
  }

  string(length: number): string {
    return this.#decode(this.bytes(length));
  }

  /** Up to the next line feed, which is passed. */
  line(): string {
    const bytes: number[] = [];
    for (let byte = this.u8(); byte !== LINE_FEED; byte = this.u8()) {
      if (bytes.push(byte) <= MAX_LINE) continue;
      throw invalidCheckpoint(this.#subject, `names of at most ${MAX_LINE} bytes`, 'more');
    }
    return this.#decode(Uint8Array.from(bytes));
  }

  #decode(bytes: Uint8Array): string {
    return decodeUtf8(bytes, () =>
      invalidCheckpoint(this.#subject, 'text in UTF-8', 'other bytes'),
    );
  }
}
