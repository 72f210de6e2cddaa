import { TpaError, printable } from '../../base/errors.ts';
import { errorCode, isDenied, nodeBuiltin } from '../../base/node.ts';
import { readFully } from '../../base/read-fully.ts';
import { checkBareName, isModelFile, type ModelFiles } from './model-files.ts';
import { type ByteSource, truncated } from './byte-source.ts';
import { conversionHint, isForeign, sourceHint } from './source-hint.ts';
import type { FileHandle } from 'node:fs/promises';

/** What of Node's modules reads directories. */
interface FileSystem {
  readonly fs: typeof import('node:fs/promises');
  readonly paths: typeof import('node:path');
}

/** What to pass in place of what gives no hint of what was meant. */
const ANY_MODEL = ': pass the directory of a model, or its http(s) address';

/** Codes of a path that leads nowhere. */
const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

/**
 * The files of a directory, read piece by piece through file handles.
 *
 * @param listed names that it has, which may be any
 * @throws TpaError `MODEL_NOT_FOUND` where there is no such directory
 */
export async function openDirectory(
  path: string | URL,
  listed: readonly string[] = [],
): Promise<ModelFiles> {
  const { fs, paths } = fileSystem(path);
  const { realpath, stat } = fs;
  const { isAbsolute, join, relative, sep } = paths;
  const name = pathOf(path);
  const root = await realpath(name).catch((cause: unknown) => {
    throw notADirectory(name, cause);
  });
  if (!(await stat(root)).isDirectory()) throw notADirectory(name);

  const sources: ByteSource[] = [];
  return {
    name,
    async open(file) {
      if (!listed.includes(file)) checkBareName(file);
      const target = await realpath(join(root, file)).catch((cause: unknown) => {
        if (ABSENT.has(errorCode(cause))) return undefined;
        throw unreadable(file, cause);
      });
      if (target === undefined) return undefined;
      const inside = relative(root, target);
      if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
        throw escape(file, 'a link out of the directory');
      }
      const source = await openRegular(file, target);
      sources.push(source);
      return source;
    },
    async close() {
      await Promise.all(sources.splice(0).map((source) => source.close()));
    },
  };
}

/**
 * The GGUF file of a path with others of its directory, which a caller has named: links are followed
 * wherever they lead.
 *
 * @param gguf their names
 */
export function besideFile(path: string | URL, gguf: readonly string[]): ModelFiles {
  const { paths } = fileSystem(path);
  const name = pathOf(path);
  const sources: ByteSource[] = [];
  return {
    name,
    gguf,
    async open(file) {
      if (!gguf.includes(file)) return undefined;
      const source = await openFile(paths.join(paths.dirname(name), file)).catch(
        (error: unknown) => {
          if (error instanceof TpaError && ABSENT.has(errorCode(error.cause))) return undefined;
          throw error;
        },
      );
      if (source !== undefined) sources.push(source);
      return source;
    },
    async close() {
      await Promise.all(sources.splice(0).map((source) => source.close()));
    },
  };
}

/**
 * Refuses a directory in which no weights can be found, but a checkpoint in another format, or
 * nothing at all: what is missing would not tell what to do.
 *
 * @throws TpaError `MODEL_NOT_FOUND`
 */
export async function refuseForeign(path: string | URL): Promise<void> {
  const directory = pathOf(path);
  const names = await listNames(path);
  // Taken as it is.
  if (names === undefined) return;
  if (names.some((name) => name.endsWith('.safetensors'))) {
    if (names.includes('config.json')) return;
    throw incomplete(directory, 'no config.json', 'download it too');
  }
  const foreign = names.find(isForeign);
  if (foreign === undefined && names.length > 0) return;
  const found = foreign === undefined ? 'nothing' : `"${printable(foreign)}"`;
  const cure =
    foreign === undefined ? 'download the model' : conversionHint(printable(directory, 400));
  throw incomplete(directory, found, cure);
}

/** The names in a directory; undefined for one that can be opened but not listed. */
export async function listNames(directory: string | URL): Promise<readonly string[] | undefined> {
  const { fs } = fileSystem(directory);
  return fs.readdir(directory).catch(() => undefined);
}

function incomplete(directory: string, found: string, cure: string): TpaError {
  const shown = printable(directory, 400);
  const message = `the directory "${shown}" expected config.json and .safetensors or a .gguf file, found ${found}: ${cure}`;
  return new TpaError('MODEL_NOT_FOUND', message, { data: { path: directory } });
}

/**
 * The directory a path names, or the directory and the file in it.
 *
 * @throws TpaError `MODEL_NOT_FOUND` where there is neither
 */
export async function splitPath(
  path: string | URL,
): Promise<{ readonly directory: string; readonly file?: string }> {
  const { fs, paths } = fileSystem(path);
  const { basename, dirname } = paths;
  const name = pathOf(path);
  const stats = await fs.stat(name).catch((cause: unknown) => {
    const message = `there is no file or directory "${printable(name, 400)}": check the path, or download the file first`;
    throw new TpaError('MODEL_NOT_FOUND', message, { cause, data: { path: name } });
  });
  if (stats.isDirectory()) return { directory: name };
  return { directory: dirname(name), file: basename(name) };
}

/**
 * One file, wherever it is and whatever its name.
 *
 * @throws TpaError `MODEL_NOT_FOUND`, `PATH_ESCAPE` where it is no regular file
 */
export async function openFile(path: string | URL): Promise<ByteSource> {
  const { fs, paths } = fileSystem(path);
  const name = pathOf(path);
  const file = printable(paths.basename(name));
  const target = await fs.realpath(name).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  return openRegular(file, target);
}

function pathOf(path: string | URL): string {
  return typeof path === 'string' ? path : nodeBuiltin('url')!.fileURLToPath(path);
}

/** @throws TpaError `MODEL_NOT_FOUND` in browsers and workers, which have none */
function fileSystem(path: string | URL): FileSystem {
  const [fs, paths] = [nodeBuiltin('fs/promises'), nodeBuiltin('path')];
  if (fs !== undefined && paths !== undefined) return { fs, paths };
  const message = `this runtime reads no directories such as "${printable(String(path), 400)}": load the model from an http(s) address or as bytes`;
  throw new TpaError('MODEL_NOT_FOUND', message, { data: { path: String(path) } });
}

/** Opens a path that has no links in it. */
async function openRegular(file: string, target: string): Promise<ByteSource> {
  const { constants, open } = nodeBuiltin('fs/promises')!;
  // A link put there since is not followed, a pipe not waited for (0 where there is no such flag).
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(target, flags).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  return fileSource(file, handle);
}

async function fileSource(name: string, handle: FileHandle): Promise<ByteSource> {
  const stats = await handle.stat();
  let isOpen = true;
  const readInto = async (offset: number, target: Uint8Array): Promise<void> => {
    const filled = await readFully(handle, offset, target);
    // Beyond its end, or the file has shrunk since it was opened.
    const end = offset + target.byteLength;
    if (filled < target.byteLength) throw truncated(name, end, offset + filled);
  };
  const source: ByteSource = {
    name,
    size: stats.size,
    async read(offset, length) {
      if (offset + length > stats.size) throw truncated(name, offset + length, stats.size);
      const bytes = new Uint8Array(length);
      await readInto(offset, bytes);
      return bytes;
    },
    readInto,
    async close() {
      if (!isOpen) return;
      isOpen = false;
      await handle.close();
    },
  };
  if (stats.isFile()) return source;
  await source.close();
  throw escape(name, 'no regular file');
}

function notADirectory(path: string, cause?: unknown): TpaError {
  const shown = printable(path, 400);
  const message = isDenied(cause)
    ? `Deno does not allow reading the directory "${shown}": run it with --allow-read`
    : isModelFile(path.replace(/^.*[/\\]/, ''))
      ? `there is no file "${shown}": check the path, or download the file first`
      : `there is no directory "${shown}"${sourceHint(shown) || ANY_MODEL}`;
  const data = { path };
  return new TpaError('MODEL_NOT_FOUND', message, cause ? { cause, data } : { data });
}

function unreadable(file: string, cause: unknown): TpaError {
  const message = `the model file "${file}" cannot be read: ${String(errorCode(cause))}`;
  return new TpaError('MODEL_NOT_FOUND', message, { cause });
}

function escape(file: string, found: string): TpaError {
  return new TpaError('PATH_ESCAPE', `the model file "${file}" is ${found}`);
}
