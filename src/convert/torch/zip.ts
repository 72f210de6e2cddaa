import { printable } from '../../base/errors.ts';
import { MAX_TENSORS } from '../../format/tensors/safetensors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/errors.ts';
import { decodeUtf8 } from '../../format/files/byte-reader.ts';
import type { TpaError } from '../../base/errors.ts';
import type { ByteSource } from '../../format/files/byte-source.ts';

/** A stored file of an archive. */
export interface ZipEntry {
  readonly name: string;
  readonly byteLength: number;
  /** First byte of its local header. */
  readonly headerOffset: number;
  /** First byte of whatever follows it in the archive. */
  readonly end: number;
}

/** A weight has two optimizer moments and a step count beside it in a nanoGPT checkpoint. */
const MAX_ENTRIES = 4 * MAX_TENSORS;
/** 262,144 entries of 46 bytes, a name of 40 and zip64 sizes. */
const MAX_DIRECTORY_BYTES = 32 * 2 ** 20;

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR64_SIGNATURE = 0x07064b50;
const LOCATOR64_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
/** A 32-bit field that says: see the zip64 one. */
const IN_ZIP64 = 0xffffffff;
const ZIP64_EXTRA = 1;
const STORED = 0;
const ENCRYPTED_FLAG = 1;

/**
 * Reads the central directory of a zip archive whose files are stored, not compressed.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED` for a compressed or encrypted file,
 *   `WEIGHTS_TRUNCATED`
 */
export async function readZipDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { count, offset, byteLength } = await findDirectory(source);
  if (
    count > MAX_ENTRIES ||
    byteLength > MAX_DIRECTORY_BYTES ||
    count * CENTRAL_BYTES > byteLength
  ) {
    const limit = `at most ${MAX_ENTRIES} files in ${MAX_DIRECTORY_BYTES} bytes`;
    throw invalid(source, 'directory', limit, `${count} in ${byteLength}`);
  }
  const view = viewOf(await source.read(offset, byteLength));
  const found: Omit<ZipEntry, 'end'>[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > byteLength || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
      throw invalid(source, `directory`, `${count} entries`, i);
    }
    const { entry, next } = readEntry(source, view, at);
    found.push(entry);
    at = next;
  }
  return withEnds(source, found, offset);
}

/**
 * Where the bytes of a file begin.
 *
 * @throws TpaError `CHECKPOINT_INVALID` where the local header disagrees with the directory
 */
export async function locateZipEntry(source: ByteSource, entry: ZipEntry): Promise<number> {
  const { name, headerOffset, byteLength, end } = entry;
  const nameBytes = new TextEncoder().encode(name);
  const header = await source.read(headerOffset, LOCAL_BYTES + nameBytes.length);
  const view = viewOf(header);
  const isSame =
    view.getUint32(0, true) === LOCAL_SIGNATURE &&
    view.getUint16(8, true) === STORED &&
    view.getUint16(26, true) === nameBytes.length &&
    nameBytes.every((byte, i) => byte === header[LOCAL_BYTES + i]);
  const offset = headerOffset + header.length + view.getUint16(28, true);
  if (isSame && offset + byteLength <= end) return offset;
  const found = isSame ? 'one that overlaps the next' : 'another';
  throw invalid(source, `file "${printable(name)}"`, `the header of its own`, found);
}

async function findDirectory(source: ByteSource) {
  const tailBytes = Math.min(source.size, END_BYTES + MAX_COMMENT_BYTES);
  const tailOffset = source.size - tailBytes;
  const tail = viewOf(await source.read(tailOffset, tailBytes));
  for (let at = tailBytes - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END_SIGNATURE) continue;
    // The comment ends the file: bytes that look like a signature inside a comment do not.
    if (at + END_BYTES + tail.getUint16(at + 20, true) !== tailBytes) continue;
    const end64 = await findEnd64(source, tailOffset + at);
    const directory = end64 ?? {
      count: tail.getUint16(at + 10, true),
      byteLength: tail.getUint32(at + 12, true),
      offset: tail.getUint32(at + 16, true),
      end: tailOffset + at,
    };
    if (directory.offset + directory.byteLength !== directory.end) {
      const found = `${directory.byteLength} bytes at ${directory.offset}`;
      throw invalid(source, `directory`, `to end at byte ${directory.end}`, found);
    }
    return directory;
  }
  throw invalid(source, '', 'the end of a zip archive', 'none');
}

async function findEnd64(source: ByteSource, endOffset: number) {
  const locatorOffset = endOffset - LOCATOR64_BYTES;
  if (locatorOffset < END64_BYTES) return undefined;
  const locator = viewOf(await source.read(locatorOffset, LOCATOR64_BYTES));
  if (locator.getUint32(0, true) !== LOCATOR64_SIGNATURE) return undefined;
  const end = readU64(source, locator, 8);
  if (end > locatorOffset - END64_BYTES) {
    throw invalid(source, `zip64 end`, `before byte ${locatorOffset}`, end);
  }
  const view = viewOf(await source.read(end, END64_BYTES));
  if (view.getUint32(0, true) !== END64_SIGNATURE) {
    throw invalid(source, `zip64 end`, `at byte ${end}`, 'none');
  }
  return {
    count: readU64(source, view, 32),
    byteLength: readU64(source, view, 40),
    offset: readU64(source, view, 48),
    end,
  };
}

function readEntry(source: ByteSource, view: DataView, at: number) {
  const nameBytes = view.getUint16(at + 28, true);
  const extraBytes = view.getUint16(at + 30, true);
  const next = at + CENTRAL_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true);
  if (next > view.byteLength) throw invalid(source, 'directory', 'whole entries', 'a cut one');
  const name = decodeUtf8(
    new Uint8Array(view.buffer, view.byteOffset + at + CENTRAL_BYTES, nameBytes),
    () => invalid(source, 'file names', 'in UTF-8', 'other bytes'),
  );
  const method = view.getUint16(at + 10, true);
  if (method !== STORED || view.getUint16(at + 8, true) & ENCRYPTED_FLAG) {
    const subject = `"${printable(source.name)}" file "${printable(name)}"`;
    const found = method === STORED ? 'an encrypted one' : `compression method ${method}`;
    throw unsupportedCheckpoint(subject, 'stored bytes, as torch.save writes them', found);
  }
  const extraAt = at + CENTRAL_BYTES + nameBytes;
  const wide = zip64Fields(source, view, extraAt, extraAt + extraBytes);
  const field = (position: number): number => {
    const value = view.getUint32(at + position, true);
    return value === IN_ZIP64 ? wide() : value;
  };
  // The order in which the zip64 field lists those that do not fit.
  const byteLength = field(24);
  const storedBytes = field(20);
  const headerOffset = field(42);
  if (storedBytes !== byteLength) {
    const subject = `file "${printable(name)}"`;
    throw invalid(source, subject, `${byteLength} stored bytes`, storedBytes);
  }
  return { entry: { name, byteLength, headerOffset }, next };
}

/** Takes one 64-bit number after the other from the zip64 field of an entry. */
function zip64Fields(source: ByteSource, view: DataView, start: number, end: number) {
  let at = start;
  while (at + 4 <= end && view.getUint16(at, true) !== ZIP64_EXTRA) {
    at += 4 + view.getUint16(at + 2, true);
  }
  const limit = at + 4 <= end ? Math.min(end, at + 4 + view.getUint16(at + 2, true)) : at;
  at += 4;
  return (): number => {
    if (at + 8 > limit) throw invalid(source, 'directory', 'a zip64 field', 'none');
    at += 8;
    return readU64(source, view, at - 8);
  };
}

function withEnds(
  source: ByteSource,
  found: readonly Omit<ZipEntry, 'end'>[],
  directoryOffset: number,
): ReadonlyMap<string, ZipEntry> {
  const inOrder = found.toSorted((a, b) => a.headerOffset - b.headerOffset);
  const entries = new Map<string, ZipEntry>();
  for (const [i, entry] of inOrder.entries()) {
    const { name, headerOffset, byteLength } = entry;
    const end = inOrder[i + 1]?.headerOffset ?? directoryOffset;
    if (headerOffset + LOCAL_BYTES + byteLength > end) {
      const subject = `file "${printable(name)}"`;
      const range = `${byteLength} bytes from ${headerOffset}`;
      throw invalid(source, subject, `to end before byte ${end}`, range);
    }
    if (entries.has(name)) throw invalid(source, `file "${printable(name)}"`, `once`, 'two');
    entries.set(name, { ...entry, end });
  }
  return entries;
}

function readU64(source: ByteSource, view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value <= source.size) return Number(value);
  throw invalid(source, `directory`, `numbers up to ${source.size}`, value);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function invalid(
  source: ByteSource,
  subject: string,
  expected: string,
  found: string | number | bigint,
): TpaError {
  return invalidCheckpoint(`"${printable(source.name)}" ${subject}`.trimEnd(), expected, found);
}
