import { mkdirSync, renameSync } from 'node:fs';
import { open, readdir, realpath, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { errorCode } from '../base/node.ts';
import { CONVERTED_NAMES, TpaError, type ConvertedFile } from '../convert.ts';
import { shown, UsageError } from './exit.ts';
import { hiddenBeside, oldOf, removeAtExit } from './hidden-folder.ts';

/** A folder that may be written. */
export interface OutputFolder {
  /** Absolute, without links. */
  readonly path: string;
  /** Whether a folder is there that has to make way. */
  readonly isReplaced: boolean;
}

/**
 * Checks where a model is to be written; nothing is created.
 *
 * @param source the checkpoint; a folder that holds it must not be replaced
 * @throws UsageError where the folder is not empty and `isForced` false, or holds other files
 */
export async function checkOutput(
  out: string,
  source: string,
  isForced: boolean,
): Promise<OutputFolder> {
  const path = await realpath(out).catch(() => resolve(out));
  const names = await readdir(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new UsageError(`"--out" expected a folder, got ${shown(out)}`, { cause: error });
  });
  if (names === undefined) {
    const parent = await stat(dirname(path)).catch(() => undefined);
    if (parent?.isDirectory()) return { path, isReplaced: false };
    throw new UsageError(`"--out" expected a folder in one that exists, got ${shown(out)}`);
  }
  if (names.length === 0) return { path, isReplaced: false };
  if (!isForced) {
    throw new UsageError(`"--out" expected a new or empty folder, or --force, got ${shown(out)}`);
  }
  // A source that does not exist is reported later, by the reader of checkpoints.
  const sourcePath = await realpath(source).catch(() => undefined);
  if (sourcePath !== undefined && `${sourcePath}${sep}`.startsWith(`${path}${sep}`)) {
    throw new UsageError(
      `"--out" expected a folder that does not hold the source, got ${shown(out)}`,
    );
  }
  // A mistyped --out must not delete a folder that holds anything else.
  const other = names.find((name) => !CONVERTED_NAMES.includes(name));
  if (other === undefined) return { path, isReplaced: true };
  throw new UsageError(
    `"--out" expected a converted model to replace, got one with ${shown(other)}`,
  );
}

/**
 * Writes the files into a folder that appears whole or not at all: they go to a hidden folder
 * beside it, reach the disk, and take their place in one step.
 *
 * @param onBytes called with the bytes written, piece by piece
 * @throws TpaError `RESOURCE_LIMIT` for a full disk, UsageError for a folder that cannot be written,
 *   AbortError, whatever reading throws; nothing is left behind
 */
export async function writeFolder(
  { path, isReplaced }: OutputFolder,
  files: readonly ConvertedFile[],
  progress: WriteProgress,
): Promise<void> {
  await writeHidden(path, files, progress, async (hidden) => {
    if (isReplaced) await replace(path, hidden);
    else renameSync(hidden, path);
  });
}

/** What stops the writing, and hears of it. */
export interface WriteProgress {
  readonly signal: AbortSignal;
  /** The option that has named the place, as messages say it; default `--out`. */
  readonly option?: string;
  onBytes(bytes: number): void;
}

/**
 * Writes the files into a hidden folder beside `path`, and has them put in their place when all are
 * on the disk. The folder does not stay.
 *
 * @param place moves the folder, or what is in it
 * @throws as {@link writeFolder}
 */
export async function writeHidden(
  path: string,
  files: readonly ConvertedFile[],
  { signal, option = '--out', onBytes }: WriteProgress,
  place: (hidden: string) => void | Promise<void>,
): Promise<void> {
  const hidden = await hiddenBeside(path);
  const release = removeAtExit([hidden, oldOf(hidden)]);
  try {
    // Not mkdtemp, whose folders only their owner may open: a server may run as someone else.
    mkdirSync(hidden);
    for (const file of files) {
      await writeFile(join(hidden, file.name), file, (bytes) => {
        signal.throwIfAborted();
        onBytes(bytes);
      });
    }
    await flush(hidden);
    signal.throwIfAborted();
    await place(hidden);
    await flush(dirname(path));
  } catch (error) {
    throw unwritable(path, files, option, error);
  } finally {
    await rm(hidden, { recursive: true, force: true });
    release();
  }
}

/** A piece is written while the next is read and translated: 1.8 -> 1.6 s for 1 GB from Q8_0. */
async function writeFile(
  path: string,
  file: ConvertedFile,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const handle = await open(path, 'wx');
  let writing = Promise.resolve();
  try {
    for await (const chunk of file.chunks()) {
      onBytes(chunk.byteLength);
      await writing;
      writing = writeAll(handle, chunk);
      // A failure is thrown at the next piece; until then it must not count as unhandled.
      writing.catch(() => {});
    }
    await writing;
    await handle.sync();
  } finally {
    await writing.catch(() => {});
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength;) {
    done += (await handle.write(chunk, done)).bytesWritten;
  }
}

/**
 * The old folder goes only when the new one is in its place. Synchronous up to there: a second
 * Ctrl-C between the two steps would leave neither.
 */
async function replace(path: string, hidden: string): Promise<void> {
  const old = oldOf(hidden);
  renameSync(path, old);
  try {
    renameSync(hidden, path);
  } catch (error) {
    renameSync(old, path);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

/** Codes of a disk, a quota or a file system that is full. */
const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** Codes of a folder without permission, or that another process has changed. */
const REFUSED: ReadonlySet<unknown> = new Set(
  'EACCES EPERM EROFS ENOENT EEXIST ENOTEMPTY ENOTDIR EBUSY'.split(' '),
);

/** The error to throw for one of the system's; any other error as it is. */
function unwritable(
  path: string,
  files: readonly ConvertedFile[],
  option: string,
  cause: unknown,
): unknown {
  const code = errorCode(cause);
  if (FULL.has(code)) {
    const needed = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const message = `the disk of ${shown(path)} has no room for ${needed} bytes (${String(code)}); nothing was left there, free some or choose another ${option}`;
    return new TpaError('RESOURCE_LIMIT', message, { cause, data: { needed } });
  }
  if (!REFUSED.has(code)) return cause;
  const message = `"${option}" expected a place that can be written, got ${shown(path)} (${String(code)})`;
  return new UsageError(message, { cause });
}

/** Waits until a directory's entries are on the disk, where a system can. */
async function flush(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
