import { crc32c } from '../base/crc32c.ts';
import {
  checkPreamble,
  decodeHeader,
  doneBytes,
  HEADER_BYTES,
  invalid,
  PREAMBLE_BYTES,
  RANDOM_BYTES,
  readSectionHead,
  SECTION_HEAD_BYTES,
  type SectionId,
  type SnapshotHeader,
} from './header.ts';
import type { SnapshotMetadata } from './options.ts';
import type { SourceReader } from './source-reader.ts';

/** Bytes that are read at once where a section may have any length. */
const SLICE_BYTES = 1 << 16;

/** What stands before the caches. */
export interface SnapshotStart {
  readonly header: SnapshotHeader;
  /** At most this many bytes of memory each: a number. */
  readonly tokens: number[];
  readonly random: Uint32Array | undefined;
  readonly metadata: SnapshotMetadata | undefined;
}

/** Reads the sections of a snapshot in their order; all of it throws TpaError `SNAPSHOT_INVALID` and as {@link SourceReader}. */
export class SectionReader {
  readonly #source: SourceReader;
  #hash: { update(bytes: Uint8Array): unknown; digest(): Uint8Array } | undefined;

  constructor(source: SourceReader) {
    this.#source = source;
  }

  /**
   * Everything up to the caches.
   *
   * @param check refuses a header before the memory that it asks for is taken
   */
  async start(check: (header: SnapshotHeader) => void): Promise<SnapshotStart> {
    const before = (await this.#source.read(PREAMBLE_BYTES)).slice();
    checkPreamble(before);
    const head = (await this.#source.read(SECTION_HEAD_BYTES)).slice();
    const crc = readSectionHead(head, 'HEAD', HEADER_BYTES);
    const payload = (await this.#source.read(HEADER_BYTES)).slice();
    checkCrc('HEAD', crc32c(payload), crc);
    const header = decodeHeader(payload);
    check(header);
    if (header.hasHash) {
      const { sha256 } = await import('@noble/hashes/sha2.js');
      this.#hash = sha256.create().update(before).update(head).update(payload);
    }
    const tokens = await this.#words('TOKS', header.tokens);
    const random = header.hasRandom ? await this.#words('RAND', RANDOM_BYTES / 4) : undefined;
    const metadata = header.metadataBytes > 0 ? await this.#metadata(header) : undefined;
    return { header, tokens, random: random && Uint32Array.from(random), metadata };
  }

  /**
   * A piece of the cache, which is there until the next call.
   *
   * @param bytes of it
   * @returns also what its CRC-32C is to be, for whoever puts it where kernels check it
   */
  async piece(bytes: number): Promise<{ payload: Uint8Array; crc: number }> {
    const crc = await this.#begin('CACH', bytes);
    const payload = await this.#source.read(bytes);
    this.#hash?.update(payload);
    return { payload, crc };
  }

  /** Checks a piece of the cache that nobody wants. */
  async passPiece(bytes: number): Promise<void> {
    await this.#slices('CACH', bytes, () => {});
  }

  /** Checks the end. */
  async end(header: SnapshotHeader): Promise<void> {
    const found = this.#hash?.digest();
    this.#hash = undefined;
    const expected: number[] = [];
    await this.#slices('DONE', doneBytes(header), (slice) => expected.push(...slice));
    if (found !== undefined && !expected.every((byte, i) => byte === found[i])) {
      throw invalid('the snapshot is damaged: its SHA-256 is wrong');
    }
    await this.#source.end();
  }

  /** @returns the CRC-32C that the payload is to have */
  async #begin(id: SectionId, bytes: number): Promise<number> {
    const head = await this.#source.read(SECTION_HEAD_BYTES);
    this.#hash?.update(head);
    return readSectionHead(head, id, bytes);
  }

  /** A section of any length, checked, with no more memory than `use` takes. */
  async #slices(id: SectionId, bytes: number, use: (slice: Uint8Array) => void): Promise<void> {
    const expected = await this.#begin(id, bytes);
    let crc = 0;
    for (let left = bytes; left > 0;) {
      const slice = await this.#source.read(Math.min(left, SLICE_BYTES));
      this.#hash?.update(slice);
      crc = crc32c(slice, crc);
      use(slice);
      left -= slice.length;
    }
    checkCrc(id, crc, expected);
  }

  async #words(id: SectionId, count: number): Promise<number[]> {
    const words: number[] = [];
    await this.#slices(id, 4 * count, (slice) => {
      const view = new DataView(slice.buffer, slice.byteOffset, slice.byteLength);
      for (let at = 0; at < slice.length; at += 4) words.push(view.getUint32(at, true));
    });
    return words;
  }

  async #metadata({ metadataBytes }: SnapshotHeader): Promise<SnapshotMetadata> {
    const bytes = new Uint8Array(metadataBytes);
    let end = 0;
    await this.#slices('META', metadataBytes, (slice) => {
      bytes.set(slice, end);
      end += slice.length;
    });
    const value = parse(bytes);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as SnapshotMetadata;
    }
    throw invalid('the metadata of the snapshot is no JSON object');
  }
}

/** @returns undefined for what is no JSON */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function checkCrc(id: SectionId, found: number, expected: number): void {
  if (found !== expected) throw invalid(`the snapshot is damaged: the CRC-32C of ${id} is wrong`);
}
