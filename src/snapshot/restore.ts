import type { Backend, Sequence } from '../backend/backend.ts';
import { TpaError } from '../base/errors.ts';
import { attentionSpec } from '../format/config/attention-spec.ts';
import { savedPieces } from '../layout/saved-pieces.ts';
import { cacheSections, invalid, type SnapshotHeader } from './header.ts';
import type { SnapshotMetadata } from './options.ts';
import { pacer } from './pace.ts';
import { SectionReader } from './section-reader.ts';
import { type SnapshotSource, SourceReader } from './source-reader.ts';

/** What a session is made of again. */
export interface RestoredSession {
  readonly sequence: Sequence;
  readonly tokens: number[];
  readonly random: Uint32Array | undefined;
  readonly metadata: SnapshotMetadata | undefined;
}

/**
 * Reads a snapshot into a sequence that nobody sees before the last check has passed.
 *
 * @throws TypeError for another source; TpaError `SNAPSHOT_INVALID`, `SNAPSHOT_MISMATCH`,
 *   `CONTEXT_OVERFLOW`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`, `KERNEL_TRAP`, `WORKER_LOST`; what a
 *   stream throws
 */
export async function restoreSession(
  backend: Backend,
  source: SnapshotSource,
  signal: AbortSignal | undefined,
): Promise<RestoredSession> {
  const reader = new SourceReader(source, signal);
  try {
    const sections = new SectionReader(reader);
    const { header, ...start } = await sections.start((found) => checkModel(found, backend));
    const { tokens } = start;
    if (tokens.some((id) => id >= backend.vocabSize)) {
      throw invalid('the snapshot has token ids that the model does not have');
    }
    const sequence = await readCache(backend, sections, header, signal);
    return { sequence, ...start };
  } finally {
    reader.close();
  }
}

async function readCache(
  backend: Backend,
  sections: SectionReader,
  header: SnapshotHeader,
  signal: AbortSignal | undefined,
): Promise<Sequence> {
  const pause = pacer('restoring', signal);
  const incoming = backend.receive(header.lengths, header.cacheDtype);
  try {
    for (const bytes of cacheSections(header)) {
      await pause();
      const { payload, crc } = await sections.piece(bytes);
      await incoming.write(payload, crc);
    }
    await sections.end(header);
    await pause();
    return await incoming.end();
  } catch (error) {
    incoming.dispose();
    throw error;
  }
}

/** Refuses a header of another model, or of sizes that this one has not. */
function checkModel(header: SnapshotHeader, { identity, contextLength }: Backend): void {
  const { config, fingerprint } = identity;
  if (header.fingerprint !== fingerprint) {
    const message = `the snapshot is of another model: its fingerprint is ${header.fingerprint}, this model's ${fingerprint}`;
    const data = { expected: fingerprint, found: header.fingerprint };
    throw new TpaError('SNAPSHOT_MISMATCH', message, { data });
  }
  const { tokens, lengths, layers, pieces, cacheDtype } = header;
  if (tokens > contextLength) {
    const message = `the snapshot has ${tokens} tokens, and the context of the model ${contextLength}; load it with a larger "contextLength"`;
    throw new TpaError('CONTEXT_OVERFLOW', message, { data: { tokens, limit: contextLength } });
  }
  const own = savedPieces(attentionSpec(config), lengths, cacheDtype);
  const isOwn =
    (cacheDtype === 'f32' || !config.isLinear) &&
    layers === config.layers &&
    own.count === pieces.count &&
    own.tokens === pieces.tokens &&
    own.bytes === pieces.bytes &&
    own.lastBytes === pieces.lastBytes;
  if (!isOwn)
    throw invalid('the header of the snapshot has sizes that the cache of the model has not');
}
