import { TpaError } from '../base/errors.ts';
import { toHex } from '../base/hex.ts';
import { CACHE_DTYPES, type CacheDtype } from '../layout/cache-dtype.ts';
import { pieceBytes, type SavedPieces } from '../layout/saved-pieces.ts';
import { MAX_METADATA_BYTES } from './options.ts';

/*
 * A snapshot is a preamble and a chain of sections, all numbers little-endian: docs/cache.md has it
 * byte by byte. The header tells the size of every section after it.
 */

/** 0x89 TPA, then line ends and an end of text, which a copy as text would change. */
const MAGIC: readonly number[] = [0x89, 0x54, 0x50, 0x41, 0x0d, 0x0a, 0x1a, 0x0a];
export const VERSION = 1;
/** The magic and the version. */
export const PREAMBLE_BYTES = 12;
/** Of a section before its payload: id, bytes of the payload, CRC-32C of the payload. */
export const SECTION_HEAD_BYTES = 12;
export const HEADER_BYTES = 64;
export const RANDOM_BYTES = 16;
const HASH_BYTES = 32;
const FINGERPRINT_BYTES = 16;

/** What a section is, as the four letters of its id. */
export type SectionId = 'HEAD' | 'TOKS' | 'RAND' | 'META' | 'CACH' | 'DONE';

/** The section HEAD: what the others are. */
export interface SnapshotHeader {
  /** Of configuration and weights, 32 hexadecimal digits. */
  readonly fingerprint: string;
  readonly cacheDtype: CacheDtype;
  readonly layers: number;
  /** Token ids, more than are cached where some wait to be evaluated. */
  readonly tokens: number;
  /** Of each layer: tokens of the pages, if there are any; or of each state. */
  readonly lengths: readonly number[];
  /** Of each layer. */
  readonly pieces: SavedPieces;
  /** 0 where there is no section META. */
  readonly metadataBytes: number;
  readonly hasRandom: boolean;
  /** Whether the section DONE has the SHA-256 of what stands before it. */
  readonly hasHash: boolean;
}

/** More than any published context, and no more ids than a reader without a model may hold. */
const MAX_TOKENS = 1 << 24;

const HAS_RANDOM = 1;
const HAS_HASH = 2;

/** The first bytes of a snapshot. */
export function preamble(): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.of(...MAGIC, 0, 0, 0, 0);
  new DataView(bytes.buffer).setUint32(MAGIC.length, VERSION, true);
  return bytes;
}

/** @throws TpaError `SNAPSHOT_INVALID` unless the bytes are {@link preamble} */
export function checkPreamble(bytes: Uint8Array): void {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) throw invalid('the bytes are no snapshot');
  const version = viewOf(bytes).getUint32(MAGIC.length, true);
  if (version === VERSION) return;
  throw invalid(`the snapshot has format version ${version}; this release reads ${VERSION}`);
}

/** Writes what stands before a payload. */
export function writeSectionHead(chunk: Uint8Array, id: SectionId, bytes: number, crc: number) {
  const view = viewOf(chunk);
  for (let i = 0; i < id.length; i++) view.setUint8(i, id.charCodeAt(i));
  view.setUint32(4, bytes, true);
  view.setUint32(8, crc, true);
}

/**
 * Reads what stands before a payload.
 *
 * @returns the CRC-32C of the payload
 * @throws TpaError `SNAPSHOT_INVALID` unless it is this section, of so many bytes
 */
export function readSectionHead(head: Uint8Array, id: SectionId, bytes: number): number {
  const view = viewOf(head);
  const isId = Array.from(id).every((letter, i) => head[i] === letter.charCodeAt(0));
  if (isId && view.getUint32(4, true) === bytes) return view.getUint32(8, true);
  throw invalid(`the snapshot is damaged: a section ${id} of ${bytes} bytes is missing`);
}

/** Bytes of the payload of DONE. */
export function doneBytes({ hasHash }: Pick<SnapshotHeader, 'hasHash'>): number {
  return hasHash ? HASH_BYTES : 0;
}

/** Bytes of the file. */
export function snapshotBytes(header: SnapshotHeader): number {
  const { layers, tokens, pieces, metadataBytes, hasRandom } = header;
  const section = (payload: number): number => SECTION_HEAD_BYTES + payload;
  return (
    PREAMBLE_BYTES +
    section(HEADER_BYTES) +
    section(4 * tokens) +
    (hasRandom ? section(RANDOM_BYTES) : 0) +
    (metadataBytes > 0 ? section(metadataBytes) : 0) +
    layers * pieces.count * SECTION_HEAD_BYTES +
    cacheBytes(header) +
    section(doneBytes(header))
  );
}

/** Bytes of the caches of all layers. */
export function cacheBytes({ layers, pieces }: SnapshotHeader): number {
  const { count, bytes, lastBytes } = pieces;
  return count === 0 ? 0 : layers * ((count - 1) * bytes + lastBytes);
}

/** Bytes of each piece of the cache, layer by layer. */
export function* cacheSections({ layers, pieces }: SnapshotHeader): Generator<number, void> {
  for (let layer = 0; layer < layers; layer++) {
    for (let piece = 0; piece < pieces.count; piece++) yield pieceBytes(pieces, piece);
  }
}

/** As the section HEAD has it. */
export function encodeHeader(header: SnapshotHeader): Uint8Array<ArrayBuffer> {
  const { fingerprint, cacheDtype, layers, tokens, lengths, pieces, metadataBytes } = header;
  const bytes = new Uint8Array(HEADER_BYTES);
  for (let i = 0; i < FINGERPRINT_BYTES; i++) {
    bytes[i] = Number.parseInt(fingerprint.slice(2 * i, 2 * i + 2), 16);
  }
  const [present = 0, before = 0] = lengths.toReversed();
  const flags = (header.hasRandom ? HAS_RANDOM : 0) | (header.hasHash ? HAS_HASH : 0);
  const words = [CACHE_DTYPES.indexOf(cacheDtype), layers, tokens, before, present];
  words.push(pieces.count, pieces.tokens, pieces.bytes, pieces.lastBytes, metadataBytes, flags);
  const view = viewOf(bytes);
  for (const [i, word] of words.entries()) view.setUint32(FINGERPRINT_BYTES + 4 * i, word, true);
  return bytes;
}

/**
 * Reads a section HEAD, whose numbers must agree with each other; whether a model has such a cache is
 * another question.
 *
 * @throws TpaError `SNAPSHOT_INVALID`
 */
export function decodeHeader(bytes: Uint8Array): SnapshotHeader {
  const view = viewOf(bytes);
  const word = (i: number): number => view.getUint32(FINGERPRINT_BYTES + 4 * i, true);
  const cacheDtype = CACHE_DTYPES[word(0)];
  const flags = word(10);
  const isKnown = cacheDtype !== undefined && flags <= (HAS_RANDOM | HAS_HASH) && word(11) === 0;
  if (!isKnown)
    throw invalid('the header of the snapshot has values that this release does not know');
  const header: SnapshotHeader = {
    fingerprint: toHex(bytes.subarray(0, FINGERPRINT_BYTES)),
    cacheDtype,
    layers: word(1),
    tokens: word(2),
    lengths: [word(3), word(4)].filter((length) => length > 0),
    pieces: { count: word(5), tokens: word(6), bytes: word(7), lastBytes: word(8) },
    metadataBytes: word(9),
    hasRandom: (flags & HAS_RANDOM) !== 0,
    hasHash: (flags & HAS_HASH) !== 0,
  };
  if (!agrees(header, word(3), word(4)))
    throw invalid('the header of the snapshot contradicts itself');
  return header;
}

/** Makes the error of bytes that are no snapshot, or a damaged one. */
export function invalid(message: string): TpaError {
  return new TpaError('SNAPSHOT_INVALID', message);
}

function agrees(header: SnapshotHeader, before: number, present: number): boolean {
  const { layers, tokens, lengths, pieces, metadataBytes } = header;
  const arePages = pieces.tokens > 0;
  const count = arePages ? Math.ceil(present / pieces.tokens) : lengths.length;
  return (
    layers > 0 &&
    tokens <= MAX_TOKENS &&
    present <= tokens &&
    (before === 0 || (!arePages && before < present)) &&
    pieces.bytes > 0 &&
    pieces.count === count &&
    (count === 0 ? pieces.lastBytes === 0 : pieces.lastBytes > 0) &&
    pieces.lastBytes <= pieces.bytes &&
    metadataBytes <= MAX_METADATA_BYTES &&
    Number.isSafeInteger(snapshotBytes(header))
  );
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
