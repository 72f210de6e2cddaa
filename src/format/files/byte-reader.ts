/**
 * Strict text.
 *
 * @param ignoreBOM whether a byte order mark is a character
 * @throws what `refuse` makes of other bytes
 */
export function decodeUtf8(bytes: Uint8Array, refuse: () => Error, ignoreBOM = true): string {
  try {
    return (ignoreBOM ? UTF8 : UTF8_WITHOUT_BOM).decode(bytes);
  } catch {
    throw refuse();
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const UTF8_WITHOUT_BOM = new TextDecoder('utf-8', { fatal: true });

/** Reads little-endian values one after the other, none of them beyond the end of the bytes. */
export class ByteReader {
  readonly #view: DataView;
  readonly #ended: (end: number) => Error;
  #at = 0;

  /** @param ended makes the error of bytes that end before the one at `end` */
  constructor(bytes: Uint8Array, ended: (end: number) => Error) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#ended = ended;
  }

  get position(): number {
    return this.#at;
  }

  get left(): number {
    return this.#view.byteLength - this.#at;
  }

  readonly u8 = (): number => this.#view.getUint8(this.#take(1));
  readonly i8 = (): number => this.#view.getInt8(this.#take(1));
  readonly u16 = (): number => this.#view.getUint16(this.#take(2), true);
  readonly i16 = (): number => this.#view.getInt16(this.#take(2), true);
  readonly u32 = (): number => this.#view.getUint32(this.#take(4), true);
  readonly i32 = (): number => this.#view.getInt32(this.#take(4), true);
  readonly u64 = (): bigint => this.#view.getBigUint64(this.#take(8), true);
  readonly i64 = (): bigint => this.#view.getBigInt64(this.#take(8), true);
  readonly f32 = (): number => this.#view.getFloat32(this.#take(4), true);
  /** @param isLittleEndian which Python's floats are not */
  readonly f64 = (isLittleEndian = true): number =>
    this.#view.getFloat64(this.#take(8), isLittleEndian);

  /** A view of the next bytes. */
  bytes(length: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#take(length), length);
  }

  /** Where the bytes begin that are passed. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#view.byteLength - at) throw this.#ended(at + length);
    this.#at = at + length;
    return at;
  }
}
