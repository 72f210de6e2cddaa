import { TpaError, type TpaErrorCode, printable } from '../../base/errors.ts';
import { type ByteSource, truncated } from '../files/byte-source.ts';
import { scanBrackets } from '../files/json.ts';
import { refuseStandIn } from '../files/stand-in.ts';
import { JsonScanner } from './json-scan.ts';
import type { BlockType } from './block-type.ts';

export type { TensorDtype } from './half.ts';

/** One tensor of a file, as its header describes it. */
export interface TensorEntry {
  readonly name: string;
  /** Element type by its safetensors name, e.g. `F16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
  /** How its elements lie in blocks that share scales, where they do: `dtype` is its name then. */
  readonly blockType?: BlockType;
}

/** Bytes of the header's length, a little-endian u64 at the start of the file. */
const PREFIX_BYTES = 8;
/** The shortest header is `{}`. */
const MIN_HEADER_BYTES = 2;
/** A 36-layer T6 needs 45 KB; 16 MB is what {@link MAX_TENSORS} names of 160 bytes take. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;
/** A thousand layers of fifty tensors: fifty times the largest T6. */
export const MAX_TENSORS = 65_536;
/** UTF-8 bytes of a tensor name; real ones stay below 100. */
const MAX_NAME_BYTES = 1024;
/** Weights have 1 or 2 dimensions. */
const MAX_RANK = 8;
/** Names that are properties of every object: harmless here (a Map), a trap for the next reader. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Dtypes of 1, 2, 4 and 8 bytes. */
const DTYPES = ['I8 U8 BOOL F8_E4M3 F8_E5M2', 'F16 BF16 I16 U16', 'F32 I32 U32', 'F64 I64 U64'];
const DTYPE_BYTES: ReadonlyMap<string, number> = new Map(
  DTYPES.flatMap((names, i) => names.split(' ').map((name) => [name, 2 ** i] as const)),
);
const DTYPE_NAMES = [...DTYPE_BYTES.keys()].join(', ');

/**
 * Reads and checks the header of a safetensors file; tensor data is not touched. The tensors tile
 * the rest of the file exactly.
 *
 * @throws TpaError any `WEIGHTS_*` but `WEIGHTS_NONFINITE`
 * @example
 * import { readFile } from 'node:fs/promises';
 * const bytes = await readFile('my-model/model.safetensors');
 * const entries = await readSafetensorsHeader(bytesSource('model.safetensors', bytes));
 * entries.get('transformer.wte.weight')?.shape; // [2048, 96]
 */
export async function readSafetensorsHeader(
  source: ByteSource,
): Promise<ReadonlyMap<string, TensorEntry>> {
  const headerBytes = await readHeaderLength(source);
  const header = await source.read(PREFIX_BYTES, headerBytes);
  const entries = parseHeader(header, source.name, PREFIX_BYTES + headerBytes);
  checkTiling(entries, source, PREFIX_BYTES + headerBytes);
  return entries;
}

async function readHeaderLength(source: ByteSource): Promise<number> {
  if (source.size < PREFIX_BYTES) throw truncated(source.name, PREFIX_BYTES, source.size);
  const prefix = await source.read(0, PREFIX_BYTES);
  // BigInt: 2^53 + 1 would round as a number.
  const declared = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  const available = source.size - PREFIX_BYTES;
  const isInRange = declared >= MIN_HEADER_BYTES && declared <= MAX_HEADER_BYTES;
  if (isInRange && declared <= available) return Number(declared);
  if (isInRange && isCutHeader(await source.read(PREFIX_BYTES, available))) {
    throw truncated(source.name, PREFIX_BYTES + Number(declared), source.size);
  }
  // Eight letters, read as a length, are beyond every limit.
  const isText = prefix.every((byte) => byte >= 0x09 && byte < 0x80);
  if (isText) await refuseStandIn(source, 'WEIGHTS_HEADER_SIZE');
  const limit = Math.min(MAX_HEADER_BYTES, available);
  throw new TpaError(
    'WEIGHTS_HEADER_SIZE',
    `"${printable(source.name)}" expected a header of ${MIN_HEADER_BYTES}..${limit} bytes, found ${declared}`,
    { data: { limit, found: String(declared) } },
  );
}

/**
 * Tells a file cut inside its header from one whose header length is wrong: a cut file ends before
 * its JSON object closes, or in the padding behind it.
 */
function isCutHeader(bytes: Uint8Array): boolean {
  const end = scanBrackets(bytes, (depth) => depth <= 0) ?? bytes.length;
  return bytes.subarray(end + 1).every((padding) => padding === 0x20);
}

function parseHeader(
  bytes: Uint8Array,
  fileName: string,
  dataStart: number,
): Map<string, TensorEntry> {
  const json = new JsonScanner(bytes, fileName);
  const entries = new Map<string, TensorEntry>();
  json.object((name) => {
    if (name === '__metadata__') json.object(() => json.string(), MAX_TENSORS);
    else entries.set(name, readEntry(json, checkName(name, fileName), fileName, dataStart));
    // One more for the metadata; the scanner stops at the first name beyond.
  }, MAX_TENSORS + 1);
  json.end();
  if (entries.size > MAX_TENSORS) {
    const message = `"${printable(fileName)}" has more than ${MAX_TENSORS} tensors`;
    throw new TpaError('WEIGHTS_TOO_MANY', message, { data: { limit: MAX_TENSORS } });
  }
  return entries;
}

function checkName(name: string, fileName: string): string {
  // UTF-8 takes 1 to 3 bytes per UTF-16 unit: only names of doubtful length are encoded.
  const isLong =
    name.length * 3 > MAX_NAME_BYTES && new TextEncoder().encode(name).length > MAX_NAME_BYTES;
  if (isLong || FORBIDDEN_NAMES.has(name)) {
    const rule = isLong ? `at most ${MAX_NAME_BYTES} bytes` : 'no property of Object';
    throw tensorError('WEIGHTS_NAME', fileName, name, `name expected to be ${rule}`);
  }
  return name;
}

function readEntry(
  json: JsonScanner,
  name: string,
  fileName: string,
  dataStart: number,
): TensorEntry {
  const fail = (code: TpaErrorCode, expected: string): never => {
    throw tensorError(code, fileName, name, `expected ${expected}`);
  };
  const failDtype = () => fail('WEIGHTS_SHAPE', `dtype to be one of ${DTYPE_NAMES}`);
  const failShape = () => fail('WEIGHTS_SHAPE', `shape to be at most ${MAX_RANK} integers >= 0`);
  const failOffsets = () => fail('WEIGHTS_OFFSETS', 'data_offsets to be two integers in order');
  let dtype: string | undefined;
  let shape: readonly number[] | undefined;
  let offsets: readonly number[] = [];
  json.object((key) => {
    if (key === 'dtype') dtype = json.kind() === 'string' ? json.string() : failDtype();
    else if (key === 'shape') shape = readIntegers(json, MAX_RANK, failShape);
    else if (key === 'data_offsets') offsets = readIntegers(json, 2, failOffsets);
    else fail('WEIGHTS_HEADER_JSON', 'only dtype, shape and data_offsets');
  });
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || begin > end) return failOffsets();
  if (dtype === undefined || !DTYPE_BYTES.has(dtype)) return failDtype();
  if (!shape) return failShape();
  return { name, dtype, shape, offset: dataStart + begin, byteLength: end - begin };
}

function readIntegers(json: JsonScanner, maxLength: number, fail: () => never): number[] {
  if (json.kind() !== 'array') fail();
  const values: number[] = [];
  json.array(() => {
    const value = json.kind() === 'number' ? json.number() : NaN;
    if (Number.isNaN(value) || values.length === maxLength) fail();
    values.push(value);
  });
  return values;
}

function checkTiling(
  entries: ReadonlyMap<string, TensorEntry>,
  source: ByteSource,
  dataStart: number,
): void {
  const inOrder = [...entries.values()].toSorted(
    (a, b) => a.offset - b.offset || a.byteLength - b.byteLength,
  );
  let cursor = dataStart;
  for (const { name, offset, byteLength } of inOrder) {
    if (offset !== cursor) {
      const message = `data expected at byte ${cursor}, found at ${offset}`;
      throw tensorError('WEIGHTS_OFFSETS', source.name, name, message);
    }
    cursor += byteLength;
  }
  const misfit = inOrder.find((entry) => BigInt(entry.byteLength) !== shapeBytes(entry));
  // Offsets that agree with every shape but pass the end of the file: the file was cut.
  if (cursor > source.size && !misfit) throw truncated(source.name, cursor, source.size);
  // of a download whose length nobody says the tensors tell the end
  if (cursor !== source.size && source.size !== Infinity) {
    const message = `"${printable(source.name)}" expected tensors to end at byte ${source.size}, found ${cursor}`;
    throw new TpaError('WEIGHTS_OFFSETS', message);
  }
  if (misfit) {
    const message = `expected ${shapeBytes(misfit)} bytes for ${misfit.dtype} [${misfit.shape.join(', ')}], found ${misfit.byteLength}`;
    throw tensorError('WEIGHTS_SHAPE', source.name, misfit.name, message);
  }
}

/** BigInt: a product of eight 53-bit numbers would round, or wrap in 64 bits. */
function shapeBytes({ dtype, shape }: TensorEntry): bigint {
  return shape.reduce((bytes, n) => bytes * BigInt(n), BigInt(DTYPE_BYTES.get(dtype)!));
}

function tensorError(
  code: TpaErrorCode,
  fileName: string,
  tensor: string,
  message: string,
): TpaError {
  const name = printable(tensor);
  return new TpaError(code, `"${printable(fileName)}" tensor "${name}": ${message}`, {
    data: { tensor: name },
  });
}
