import { type TpaError, printable } from '../../base/errors.ts';
import { MAX_TENSORS } from '../tensors/safetensors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../errors.ts';
import { damagedGguf, type GgufCursor } from './cursor.ts';
import { HeaderBytes } from './header-bytes.ts';
import { GGUF_MAGIC } from '../files/gguf-name.ts';
import { standIn } from '../files/stand-in.ts';
import { type GgufMetadata, readMetadata, readPairCount } from './metadata.ts';
import { GGUF_TYPES, type GgufType, ggufTypeName } from './types.ts';
import type { ByteSource } from '../files/byte-source.ts';

/** A tensor of the file. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** Rows first: the file lists dimensions from the innermost on. */
  readonly shape: readonly number[];
  /** The file it is in. */
  readonly source: ByteSource;
  /** First byte in the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** What stands before the elements. */
export interface GgufHeader {
  readonly metadata: GgufMetadata;
  /** By their names, in the order in which they lie in the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const VERSIONS: ReadonlySet<number> = new Set([2, 3]);
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
  const header = new HeaderBytes(source);
  await header.parse((cursor) => {
    if (cursor.u32() !== GGUF_MAGIC) throw notGguf(source.name, header.held);
  });
  const [tensorCount, pairs] = await header.parse((cursor) => {
    checkVersion(cursor.u32());
    const count = cursor.count('GGUF tensors', MAX_TENSORS, LEAST_TENSOR_BYTES);
    return [count, readPairCount(cursor)];
  });
  const metadata = await readMetadata(header, pairs);
  const alignment = readAlignment(metadata);
  const infos = new Map<string, TensorInfo>();
  for (let i = 0; i < tensorCount; i++) {
    const info = await header.parse((cursor) => readTensor(cursor, i, alignment));
    if (infos.has(info.name)) {
      throw invalidCheckpoint(`tensor "${printable(info.name)}"`, 'once', 'two');
    }
    infos.set(info.name, info);
  }
  const dataStart = Math.ceil(header.position / alignment) * alignment;
  return { metadata, tensors: placed(infos, dataStart, header.rest()) };
}

function notGguf(file: string, bytes: Uint8Array): TpaError {
  const expected = 'GGUF as its first letters';
  const found = standIn(bytes);
  if (found === undefined) return damagedGguf(file, expected, 'others');
  return invalidCheckpoint(`the GGUF file "${printable(file)}"`, expected, found);
}

function checkVersion(version: number): void {
  if (VERSIONS.has(version)) return;
  const isSwapped = version !== 0 && version % 2 ** 24 === 0;
  const found = isSwapped ? 'a big-endian one' : String(version);
  throw unsupportedCheckpoint('a GGUF file', 'version 2 or 3, little-endian', found);
}

function readAlignment(metadata: GgufMetadata): number {
  const alignment = metadata.integer('general.alignment', 1, MAX_ALIGNMENT) ?? DEFAULT_ALIGNMENT;
  if ((alignment & (alignment - 1)) === 0) return alignment;
  throw invalidCheckpoint('"general.alignment"', 'a power of two', alignment);
}

/** A tensor whose offset is still counted from the start of the data. */
type TensorInfo = Omit<GgufTensor, 'source'>;

function readTensor(cursor: GgufCursor, index: number, alignment: number): TensorInfo {
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

/** In the order of the file, with offsets from its start; the tensors lie inside it and apart. */
function placed(
  infos: ReadonlyMap<string, TensorInfo>,
  dataStart: number,
  source: ByteSource,
): ReadonlyMap<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  let end = dataStart;
  for (const info of [...infos.values()].toSorted((a, b) => a.offset - b.offset)) {
    const offset = dataStart + info.offset;
    const subject = `tensor "${printable(info.name)}"`;
    if (offset < end) throw invalidCheckpoint(subject, `data from byte ${end} on`, offset);
    end = offset + info.byteLength;
    const { name, size } = source;
    if (end > size) throw damagedGguf(name, `${subject} up to byte ${end}`, `its end at ${size}`);
    tensors.set(info.name, { ...info, offset, source });
  }
  return tensors;
}
