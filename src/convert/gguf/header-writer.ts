import { GGUF_MAGIC } from '../../format/files/gguf-name.ts';

/** A value of the metadata, with the type that it gets in the file. */
export type GgufValue =
  | { readonly type: 'u16' | 'u32' | 'i32' | 'f32' | 'f64'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'texts'; readonly value: readonly string[] }
  | { readonly type: 'i32s' | 'f32s'; readonly value: readonly number[] };

/** A key and its value. */
export type GgufPair = readonly [key: string, value: GgufValue];

/** What the header says of a tensor. */
export interface TensorInfo {
  readonly name: string;
  /** Rows first. */
  readonly shape: readonly number[];
  /** Its number in the file. */
  readonly typeNumber: number;
  readonly byteLength: number;
}

/** Data begin at multiples of it: what readers take where the metadata say nothing. */
export const ALIGNMENT = 32;
const VERSION = 3;
/** Magic, version, and the counts of tensors and of pairs. */
const PREFIX_BYTES = 4 + 4 + 8 + 8;
const FIRST_CAPACITY = 1 << 16;

/** Numbers of the types; an array says that of its items too. */
const TYPES = { u16: 2, u32: 4, i32: 5, f32: 6, bool: 7, text: 8, array: 9, f64: 12 } as const;
const ITEMS = { texts: 'text', i32s: 'i32', f32s: 'f32' } as const;

/** Bytes as they lie, those of a number little-endian. */
class ByteWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  number(type: 'u16' | 'u32' | 'i32' | 'f32' | 'f64' | 'bool', value: number): void {
    const at = this.#take(NUMBER_BYTES[type]);
    if (type === 'u16') this.#view.setUint16(at, value, true);
    else if (type === 'u32') this.#view.setUint32(at, value, true);
    else if (type === 'i32') this.#view.setInt32(at, value, true);
    else if (type === 'f32') this.#view.setFloat32(at, value, true);
    else if (type === 'f64') this.#view.setFloat64(at, value, true);
    else this.#view.setUint8(at, value);
  }

  u64(value: number): void {
    const at = this.#take(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  /** A length of 8 bytes, then the text in UTF-8. */
  text(text: string): void {
    const at = this.#take(8 + 3 * text.length);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(at + 8));
    this.#view.setBigUint64(at, BigInt(written), true);
    this.#length = at + 8 + written;
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Zeros up to the next multiple. */
  align(multiple: number): void {
    this.#take(padding(this.#length, multiple));
  }

  #take(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

const NUMBER_BYTES = { u16: 2, u32: 4, i32: 4, f32: 4, f64: 8, bool: 1 } as const;
const encoder = new TextEncoder();

/** Bytes that are missing to a multiple. */
export function padding(length: number, multiple = ALIGNMENT): number {
  return (multiple - (length % multiple)) % multiple;
}

/** The pairs as they lie in a file. */
export function encodePairs(pairs: readonly GgufPair[]): Uint8Array {
  const writer = new ByteWriter();
  for (const [key, value] of pairs) {
    writer.text(key);
    writeValue(writer, value);
  }
  return writer.written;
}

/**
 * All that stands before the data, and zeros up to where they begin.
 *
 * @param encoded what {@link encodePairs} gives for `pairs` pairs
 */
export function encodeHeader(
  { pairs, encoded }: { readonly pairs: number; readonly encoded: Uint8Array },
  tensors: readonly TensorInfo[],
): Uint8Array {
  const writer = new ByteWriter();
  writer.number('u32', GGUF_MAGIC);
  writer.number('u32', VERSION);
  writer.u64(tensors.length);
  writer.u64(pairs);
  writer.bytes(encoded);
  let offset = 0;
  for (const { name, shape, typeNumber, byteLength } of tensors) {
    writer.text(name);
    writer.number('u32', shape.length);
    for (const size of shape.toReversed()) writer.u64(size);
    writer.number('u32', typeNumber);
    writer.u64(offset);
    offset += byteLength + padding(byteLength);
  }
  writer.align(ALIGNMENT);
  return writer.written;
}

/** Bytes of a header, without writing it: of its pairs and infos, filled up. */
export function headerBytes(encodedBytes: number): number {
  const length = PREFIX_BYTES + encodedBytes;
  return length + padding(length);
}

/** Bytes that a header says a tensor in. */
export function infoBytes({ name, shape }: TensorInfo): number {
  return 8 + encoder.encode(name).length + 4 + 8 * shape.length + 4 + 8;
}

function writeValue(writer: ByteWriter, { type, value }: GgufValue): void {
  if (type === 'texts' || type === 'i32s' || type === 'f32s') {
    const item = ITEMS[type];
    writer.number('u32', TYPES.array);
    writer.number('u32', TYPES[item]);
    writer.u64(value.length);
    for (const one of value) {
      if (item === 'text') writer.text(one as string);
      else writer.number(item, one as number);
    }
    return;
  }
  writer.number('u32', TYPES[type]);
  if (type === 'text') writer.text(value);
  else writer.number(type, Number(value));
}
