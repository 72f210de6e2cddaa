import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { errorCode } from '../base/node.ts';
import { type Session, type SnapshotMetadata, TpaError } from '../index.ts';
import { shown, UsageError } from './exit.ts';
import { type OutputFiles, writeFiles } from './output-files.ts';

/** Bytes that are read at a time. */
const CHUNK_BYTES = 2 ** 16;

/**
 * The bytes of a snapshot's file. Not `Readable.toWeb`: in Node 20 a stream of it that is cancelled
 * ends the process where a piece is on its way.
 *
 * @param named what has named it, as messages say it
 * @throws UsageError where there is no such file, or one that may not be read
 */
export async function openSnapshot(
  path: string,
  named: string,
): Promise<ReadableStream<Uint8Array>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    if (!(await file.stat()).isDirectory()) return streamOf(file);
    await file.close();
  } catch (error) {
    await file?.close();
    throw notOpened(path, named, String(errorCode(error) ?? 'unreadable'), error);
  }
  throw notOpened(path, named, 'a folder');
}

function notOpened(path: string, named: string, why: string, cause?: unknown): UsageError {
  const message = `"${named}" expected the file of a snapshot, got ${shown(path)} (${why})`;
  return new UsageError(message, { cause });
}

/** Reads from front to back when it is asked; the file is closed at its end, or when it is left. */
function streamOf(file: FileHandle): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const chunk = new Uint8Array(CHUNK_BYTES);
          const { bytesRead } = await file.read(chunk);
          if (bytesRead > 0) return controller.enqueue(chunk.subarray(0, bytesRead));
          await file.close();
          controller.close();
        } catch (error) {
          await file.close();
          throw error;
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 }, // no read is on its way that nobody has asked for
  );
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
  const stream = snapshotOf(session, metadata);
  const content = {
    name: basename(file.path),
    byteLength: session.byteLength, // about: what a full disk should have had room for
    chunks: () => stream,
  };
  await writeFiles(file, [content], { signal, option: '--save', onBytes: () => {} });
}

function snapshotOf(
  session: Pick<Session, 'snapshotStream'>,
  metadata: SnapshotMetadata,
): ReadableStream<Uint8Array> {
  try {
    return session.snapshotStream({ metadata });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `the messages are too long to be kept, /clear begins another conversation: ${cause.message}`;
    throw new TpaError('RESOURCE_LIMIT', message, { cause });
  }
}
