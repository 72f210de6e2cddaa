import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { errorCode } from '../base/node.ts';
import { type Session, type SnapshotMetadata, TpaError } from '../index.ts';
import { shown, UsageError } from './exit.ts';
import { type OutputFiles, writeFiles } from './output-files.ts';

/** UTF-8 bytes of messages that a snapshot keeps beside the cache. */
const MAX_METADATA_BYTES = 65_536;

/**
 * The bytes of a snapshot's file.
 *
 * @param named what has named it, as messages say it
 * @throws UsageError where there is no such file
 */
export async function openSnapshot(
  path: string,
  named: string,
): Promise<ReadableStream<Uint8Array>> {
  const found = await stat(path).catch((error: unknown) =>
    String(errorCode(error) ?? 'unreadable'),
  );
  if (typeof found !== 'string' && !found.isDirectory()) {
    return Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
  }
  const why = typeof found === 'string' ? found : 'a folder';
  throw new UsageError(`"${named}" expected the file of a snapshot, got ${shown(path)} (${why})`);
}

/**
 * Writes a session to a file, which is whole or as it was before: a full disk costs nothing.
 *
 * @param metadata what is kept with it
 * @throws TpaError `RESOURCE_LIMIT` for a full disk or metadata that is too large, UsageError for a
 *   place that cannot be written; as `session.snapshotStream`
 */
export async function saveSnapshot(
  file: OutputFiles,
  session: Pick<Session, 'snapshotStream' | 'byteLength'>,
  metadata: SnapshotMetadata,
  signal: AbortSignal,
): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).length;
  if (bytes > MAX_METADATA_BYTES) {
    const message = `a snapshot keeps ${MAX_METADATA_BYTES} bytes of messages and the conversation has ${bytes}; /clear begins another`;
    throw new TpaError('RESOURCE_LIMIT', message, { data: { needed: bytes } });
  }
  const content = {
    name: basename(file.path),
    byteLength: session.byteLength, // about: what a full disk should have had room for
    chunks: () => session.snapshotStream({ metadata }),
  };
  await writeFiles(file, [content], { signal, option: '--save', onBytes: () => {} });
}
