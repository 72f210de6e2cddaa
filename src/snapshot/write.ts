import type { ModelIdentity, Sequence } from '../backend/backend.ts';
import { crc32c } from '../base/crc32c.ts';
import { attentionSpec } from '../format/config/attention-spec.ts';
import { savedPieces } from '../layout/saved-pieces.ts';
import {
  cacheSections,
  doneBytes,
  encodeHeader,
  HEADER_BYTES,
  preamble,
  PREAMBLE_BYTES,
  RANDOM_BYTES,
  SECTION_HEAD_BYTES,
  type SectionId,
  snapshotBytes,
  type SnapshotHeader,
  writeSectionHead,
} from './header.ts';
import type { CheckedOptions } from './options.ts';
import { pacer } from './pace.ts';

/** A session at one moment. */
export interface SavedSession {
  readonly model: ModelIdentity;
  /** Of its own: nothing else changes it. */
  readonly sequence: Sequence;
  /** Those that are not in the sequence yet besides. */
  readonly tokens: readonly number[];
  /** Of the last generation's random numbers, if there was one (4). */
  readonly random: Uint32Array | undefined;
}

/** Gives memory for the next bytes of a file. */
type Memory = (bytes: number) => Uint8Array<ArrayBuffer>;

/** The whole snapshot. @throws TpaError `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`, `KERNEL_TRAP`, `WORKER_LOST` */
export async function writeSnapshot(
  session: SavedSession,
  options: CheckedOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(snapshotBytes(headerOf(session, options)));
  let end = 0;
  const memory: Memory = (bytes) => all.subarray(end, (end += bytes));
  for await (const _ of snapshotChunks(session, options, memory));
  return all;
}

/** The snapshot, a section at a time. @throws as {@link writeSnapshot} */
export async function* snapshotChunks(
  session: SavedSession,
  options: CheckedOptions,
  memory: Memory = (bytes) => new Uint8Array(bytes),
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const { sequence, tokens, random } = session;
  const { metadata, signal } = options;
  const header = headerOf(session, options);
  const hash = header.hasHash ? await openHash() : undefined;
  const pause = pacer('saving', signal);

  const section = async (id: SectionId, bytes: number, fill: Fill): Promise<Chunk> => {
    await pause();
    const chunk = memory(SECTION_HEAD_BYTES + bytes);
    const crc = await fill(chunk.subarray(SECTION_HEAD_BYTES));
    writeSectionHead(chunk, id, bytes, crc);
    if (id !== 'DONE') hash?.update(chunk);
    return chunk;
  };

  const first = memory(PREAMBLE_BYTES);
  first.set(preamble());
  hash?.update(first);
  yield first;
  yield await section('HEAD', HEADER_BYTES, copied(encodeHeader(header)));
  yield await section('TOKS', 4 * tokens.length, words(tokens));
  if (random !== undefined) yield await section('RAND', RANDOM_BYTES, words(random));
  if (metadata !== undefined) yield await section('META', metadata.length, copied(metadata));
  let piece = 0;
  for (const bytes of cacheSections(header)) {
    const at = piece++;
    const fill: Fill = (payload) => sequence.savePiece(at, payload, header.cacheDtype);
    yield await section('CACH', bytes, fill);
  }
  yield await section('DONE', doneBytes(header), (payload) =>
    copied(hash?.digest() ?? [])(payload),
  );
}

type Chunk = Uint8Array<ArrayBuffer>;
/** Fills a payload, and tells its CRC-32C. */
type Fill = (payload: Chunk) => number | Promise<number>;

function copied(bytes: ArrayLike<number>): Fill {
  return (payload) => {
    payload.set(bytes);
    return crc32c(payload);
  };
}

function words(numbers: ArrayLike<number>): Fill {
  return (payload) => {
    const view = new DataView(payload.buffer, payload.byteOffset);
    for (let i = 0; i < numbers.length; i++) view.setUint32(4 * i, numbers[i]!, true);
    return crc32c(payload);
  };
}

function headerOf(
  { model, sequence, tokens, random }: SavedSession,
  { dtype, metadata, sha256 }: CheckedOptions,
): SnapshotHeader {
  const { fingerprint, config } = model;
  const { lengths } = sequence;
  // states of linear attention are float32 always
  const cacheDtype = config.isLinear ? 'f32' : (dtype ?? sequence.cacheDtype);
  return {
    fingerprint,
    cacheDtype,
    layers: config.layers,
    tokens: tokens.length,
    lengths,
    pieces: savedPieces(attentionSpec(config), lengths, cacheDtype),
    metadataBytes: metadata?.length ?? 0,
    hasRandom: random !== undefined,
    hasHash: sha256,
  };
}

async function openHash() {
  const { sha256 } = await import('@noble/hashes/sha2.js');
  return sha256.create();
}
