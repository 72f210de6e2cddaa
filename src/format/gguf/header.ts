import { TpaError, printable } from '../../base/errors.ts';
import { MAX_TENSORS } from '../tensors/safetensors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../errors.ts';
import { damagedGguf, GgufCursor, MoreBytes } from './cursor.ts';
import { type GgufMetadata, readMetadata, readPairCount } from './metadata.ts';
import { GGUF_TYPES, type GgufType, ggufTypeName } from './types.ts';
import type { ByteSource } from '../files/byte-source.ts';

/** A tensor of the file. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** Rows first: the file lists dimensions from the innermost on. */
  readonly shape: readonly number[];
  /** First byte in the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** What stands before the elements. */
export interface GgufHeader {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** `GGUF`, little-endian. */
export const GGUF_MAGIC = 0x46554747;
const VERSIONS: ReadonlySet<number> = new Set([2, 3]);
/** Most headers fit; a large vocabulary takes 8 to 16 MB. */
const FIRST_BYTES = 2 ** 20;
/** A tokenizer.json of 64 MB beside a vocabulary. */
const MAX_HEADER_BYTES = 128 * 2 ** 20;
/** What the reference allows is 64; ours is that of safetensors. */
const MAX_NAME_BYTES = 1024;
const MAX_RANK = 4;
/** A name's length, a rank, a dimension, a type, an offset. */
const LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 65_536;

/**
 * Reads the header of a GGUF file: every count is checked against the file before it is used.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `RESOURCE_LIMIT`, `WEIGHTS_TRUNCATED`
 */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  for (let length = Math.min(source.size, FIRST_BYTES); ;) {
    const bytes = await source.read(0, length);
    try {
      return parseHeader(bytes, source.size);
    } catch (error) {
      if (!(error instanceof MoreBytes)) throw error;
      if (error.needed > MAX_HEADER_BYTES) throw tooLong(source, error.needed);
      // Doubling: all attempts together read at most four times the header.
      length = Math.min(source.size, MAX_HEADER_BYTES, Math.max(2 * length, error.needed));
    }
  }
}

function parseHeader(bytes: Uint8Array, size: number): GgufHeader {
  const cursor = new GgufCursor(bytes, size);
  const magic = cursor.u32();
  if (magic !== GGUF_MAGIC) throw damagedGguf('GGUF as its first letters', 'others');
  const version = cursor.u32();
  if (!VERSIONS.has(version)) {
    const isSwapped = version !== 0 && version % 2 ** 24 === 0;
    const found = isSwapped ? 'a big-endian one' : String(version);
    throw unsupportedCheckpoint('a GGUF file', 'version 2 or 3, little-endian', found);
  }
  const tensorCount = cursor.count('GGUF tensors', MAX_TENSORS, LEAST_TENSOR_BYTES);
  const metadata = readMetadata(cursor, readPairCount(cursor));
  const alignment = readAlignment(metadata);
  const tensors = new Map<string, GgufTensor>();
  for (let i = 0; i < tensorCount; i++) {
    const tensor = readTensor(cursor, i, alignment);
    if (tensors.has(tensor.name)) {
      throw invalidCheckpoint(`tensor "${printable(tensor.name)}"`, 'once', 'two');
    }
    tensors.set(tensor.name, tensor);
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  return { metadata, tensors: placed(tensors, dataStart, size) };
}

function readAlignment(metadata: GgufMetadata): number {
  const alignment = metadata.integer('general.alignment', 1, MAX_ALIGNMENT) ?? DEFAULT_ALIGNMENT;
  if ((alignment & (alignment - 1)) === 0) return alignment;
  throw invalidCheckpoint('"general.alignment"', 'a power of two', alignment);
}

/** A tensor whose offset is still counted from the start of the data. */
function readTensor(cursor: GgufCursor, index: number, alignment: number): GgufTensor {
  const name = cursor.string(`GGUF tensor ${index}`, MAX_NAME_BYTES);
  const subject = `tensor "${printable(name)}"`;
  const rank = cursor.u32();
  if (rank < 1 || rank > MAX_RANK) {
    throw invalidCheckpoint(subject, `1 to ${MAX_RANK} dimensions`, rank);
  }
  const shape = Array.from({ length: rank }, () => readDimension(cursor, subject)).toReversed();
  const typeNumber = cursor.u32();
  const type = GGUF_TYPES.get(typeNumber);
  if (type === undefined) throw otherType(subject, typeNumber);
  const row = shape.at(-1)!;
  if (row % type.blockLength !== 0) {
    throw invalidCheckpoint(
      subject,
      `rows of whole ${type.name} blocks of ${type.blockLength}`,
      row,
    );
  }
  const length = shape.reduce((product, n) => product * BigInt(n), 1n);
  const byteLength = (length / BigInt(type.blockLength)) * BigInt(type.blockBytes);
  const offset = cursor.u64();
  if (offset % BigInt(alignment) !== 0n) {
    throw invalidCheckpoint(subject, `an offset that is a multiple of ${alignment}`, offset);
  }
  // Beyond 2^53 both round, and stay far beyond any file.
  return { name, type, shape, offset: Number(offset), byteLength: Number(byteLength) };
}

function readDimension(cursor: GgufCursor, subject: string): number {
  const value = cursor.u64();
  if (value >= 1n && value <= MAX_DIMENSION) return Number(value);
  throw invalidCheckpoint(subject, `dimensions in 1..${MAX_DIMENSION}`, value);
}

/** Weights have at most a million rows; four of these multiply to 2^160, which only BigInt holds. */
const MAX_DIMENSION = 2n ** 40n;

function otherType(subject: string, type: number): TpaError {
  const expected = `one of ${Array.from(GGUF_TYPES.values(), ({ name }) => name).join(', ')}`;
  const name = ggufTypeName(type);
  if (name !== undefined) return unsupportedCheckpoint(subject, expected, `${name} (type ${type})`);
  return invalidCheckpoint(subject, expected, `type ${type}, which has no name`);
}

/** Offsets from the start of the file; the tensors lie inside it and apart. */
function placed(
  tensors: ReadonlyMap<string, GgufTensor>,
  dataStart: number,
  size: number,
): ReadonlyMap<string, GgufTensor> {
  let cursor = dataStart;
  for (const { name, offset, byteLength } of [...tensors.values()].toSorted(
    (a, b) => a.offset - b.offset,
  )) {
    const start = dataStart + offset;
    const subject = `tensor "${printable(name)}"`;
    if (start < cursor) throw invalidCheckpoint(subject, `data from byte ${cursor} on`, start);
    cursor = start + byteLength;
    if (cursor > size) throw damagedGguf(`${subject} up to byte ${cursor}`, `its end at ${size}`);
  }
  return new Map(
    Array.from(tensors, ([name, t]) => [name, { ...t, offset: dataStart + t.offset }]),
  );
}

function tooLong(source: ByteSource, needed: number): TpaError {
  const limit = MAX_HEADER_BYTES;
  const message = `the header of "${printable(source.name)}" has more than ${limit} bytes`;
  return new TpaError('RESOURCE_LIMIT', message, { data: { needed, limit } });
}
