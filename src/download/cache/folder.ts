import { isAllowed, readVariable } from '../../base/environment.ts';
import { sha256Hex } from '../../base/hex.ts';
import { errorCode, nodeBuiltin } from '../../base/node.ts';
import { readFully } from '../../base/read-fully.ts';
import { noCache, parseFacts } from './file-facts.ts';
import type {
  CachedFile,
  CacheWriter,
  FileFacts,
  ModelCache,
  RuntimeCache,
} from './model-cache.ts';
import type { FileHandle } from 'node:fs/promises';

/** A folder of the user's: a module behind `#cache` for Node, Deno and Bun. */
export async function openRuntimeCache(): Promise<RuntimeCache> {
  const folder = await cachePlace(readVariable, process.platform);
  if (folder === undefined) {
    return noCache('no environment variable that may be read names a folder: set TPA_CACHE');
  }
  for (const name of ['read', 'write'] as const) {
    if (await isAllowed({ name, path: folder })) continue;
    return noCache(`Deno has not been allowed to ${name} ${folder}`);
  }
  const fs = nodeBuiltin('fs/promises');
  if (fs === undefined) return noCache('no file system');
  const cache = folderCache(folder, fs);
  return { cache, info: { kind: 'folder', reason: `files are kept in ${folder}` } };
}

/** A variable of the environment, undefined where there is none or it may not be read. */
export type Environment = (name: string) => Promise<string | undefined>;

const FOLDER = 'tpa-wasm';

/** The folder for files that can be fetched again; undefined where no variable names one. */
export async function cachePlace(
  environment: Environment,
  platform: string,
): Promise<string | undefined> {
  const below = async (variable: string, path: string): Promise<string | undefined> => {
    const value = await environment(variable);
    return value ? `${value}/${path}` : undefined;
  };
  const own = await environment('TPA_CACHE');
  if (own) return own;
  if (platform === 'win32') return below('LOCALAPPDATA', FOLDER);
  if (platform === 'darwin') return below('HOME', `Library/Caches/${FOLDER}`);
  return (await below('XDG_CACHE_HOME', FOLDER)) ?? below('HOME', `.cache/${FOLDER}`);
}

/** The part of `node:fs/promises` that is used. */
export type FileSystem = Pick<
  typeof import('node:fs/promises'),
  'mkdir' | 'open' | 'readdir' | 'rename' | 'rm' | 'stat' | 'utimes'
>;

/** Ends the names of files that are being written. */
const PARTIAL = '.partial';
const DAY_MS = 24 * 60 * 60 * 1000;
/** A download that has not ended by then has died. */
const MAX_PARTIAL_MS = DAY_MS;
/** Addresses that are signed anew for each load would fill the disk. */
const MAX_UNUSED_MS = 30 * DAY_MS;
/** The name of a whole file. */
const WHOLE = /^[0-9a-f]{64}$/;
/** A file begins with the length of its facts, little-endian, and the facts. */
const LENGTH_BYTES = 4;
/** An etag and a date are below 200. */
const MAX_FACTS_BYTES = 2 ** 14;

/**
 * Files in a folder, each named by the SHA-256 of its address, which may hold secrets. A file is
 * written under another name and renamed when it is complete.
 */
export function folderCache(folder: string, fs: FileSystem): ModelCache {
  let isSwept = false;
  const pathOf = async (key: string): Promise<string> => `${folder}/${await sha256Hex(key)}`;
  return {
    async open(key) {
      const path = await pathOf(key);
      const handle = await fs.open(path, 'r').catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (handle === undefined) return undefined;
      // a folder that may only be read is swept by nobody
      const now = new Date();
      await fs.utimes(path, now, now).catch(() => {});
      return readCached(handle);
    },
    async create(key, facts) {
      await fs.mkdir(folder, { recursive: true, mode: 0o700 });
      // what cannot be removed today may be tomorrow
      if (!isSwept) await sweep(folder, fs).catch(() => {});
      isSwept = true;
      const path = await pathOf(key);
      const partial = `${path}.${crypto.randomUUID()}${PARTIAL}`;
      // for this user alone, and never into a file that is there
      const handle = await fs.open(partial, 'wx', 0o600);
      const writer = fileWriter(handle, path, partial, fs);
      try {
        await writer.write(encodeFacts(facts));
      } catch (error) {
        await writer.abort();
        throw error;
      }
      return writer;
    },
  };
}

function fileWriter(
  handle: FileHandle,
  path: string,
  partial: string,
  fs: FileSystem,
): CacheWriter {
  let at = 0;
  return {
    async write(bytes) {
      for (let written = 0; written < bytes.byteLength;) {
        const { bytesWritten } = await handle.write(bytes, written, bytes.byteLength - written, at);
        written += bytesWritten;
        at += bytesWritten;
      }
    },
    async commit() {
      // or a crash could leave the name of a file and none of its bytes
      await handle.sync();
      await handle.close();
      await fs.rename(partial, path);
    },
    async abort() {
      await handle.close().catch(() => {});
      await fs.rm(partial, { force: true });
    },
  };
}

/** The file behind its facts; undefined, and closed, where it is not what they say. */
async function readCached(handle: FileHandle): Promise<CachedFile | undefined> {
  const cached = await readHead(handle).catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  if (cached === undefined) {
    await handle.close();
    return undefined;
  }
  const { facts, start } = cached;
  const readInto = async (offset: number, target: Uint8Array): Promise<void> => {
    const filled = await readFully(handle, start + offset, target);
    if (filled === target.byteLength) return;
    throw new Error('the file ends before');
  };
  let isOpen = true;
  return {
    facts,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      await readInto(offset, bytes);
      return bytes;
    },
    readInto,
    async close() {
      if (isOpen) await handle.close();
      isOpen = false;
    },
  };
}

async function readHead(
  handle: FileHandle,
): Promise<{ readonly facts: FileFacts; readonly start: number } | undefined> {
  const prefix = new Uint8Array(LENGTH_BYTES);
  if ((await readFully(handle, 0, prefix)) < LENGTH_BYTES) return undefined;
  const length = new DataView(prefix.buffer).getUint32(0, true);
  if (length > MAX_FACTS_BYTES) return undefined;
  const text = new Uint8Array(length);
  if ((await readFully(handle, LENGTH_BYTES, text)) < length) return undefined;
  const facts = parseFacts(new TextDecoder().decode(text));
  const start = LENGTH_BYTES + length;
  const { size } = await handle.stat();
  return facts && size === start + facts.size ? { facts, start } : undefined;
}

function encodeFacts(facts: FileFacts): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(facts));
  const bytes = new Uint8Array(LENGTH_BYTES + text.byteLength);
  new DataView(bytes.buffer).setUint32(0, text.byteLength, true);
  bytes.set(text, LENGTH_BYTES);
  return bytes;
}

/** Removes what dead downloads have left, and what nobody has used for long. */
async function sweep(folder: string, fs: FileSystem): Promise<void> {
  for (const name of await fs.readdir(folder)) {
    const isPartial = name.endsWith(PARTIAL);
    if (!isPartial && !WHOLE.test(name)) continue;
    const path = `${folder}/${name}`;
    const age = Date.now() - (await fs.stat(path)).mtimeMs;
    if (age > (isPartial ? MAX_PARTIAL_MS : MAX_UNUSED_MS)) await fs.rm(path, { force: true });
  }
}
