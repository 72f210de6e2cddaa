/** What is known of a file besides its bytes; JSON. */
export interface FileFacts {
  /** Bytes; 0 for a file that is absent. */
  readonly size: number;
  /** The server's name of this version of it. */
  readonly etag?: string;
  /** The date of this version, as the server said it. */
  readonly modified?: string;
  /** The server has no such file, which need not be asked for where there is no network. */
  readonly isAbsent?: true;
}

/** A file in a cache. */
export interface CachedFile {
  /** What it was created with. */
  readonly facts: FileFacts;
  /**
   * Reads a piece; they are asked for in order but for exceptions.
   *
   * @param offset its first byte
   * @param length its bytes
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Reads a piece into an array of the caller's; optional.
   *
   * @param offset its first byte
   * @param target where it goes, and how long it is; memory that threads share, where there are some
   */
  readInto?(offset: number, target: Uint8Array): Promise<void>;
  /** It is read no more. */
  close(): Promise<void>;
}

/** A file on its way into a cache. Nobody sees it before it is committed. */
export interface CacheWriter {
  /**
   * Takes the next bytes.
   *
   * @param bytes the caller's again when this is done
   */
  write(bytes: Uint8Array): Promise<void>;
  /** The file is complete, and takes the place of one under the same key. */
  commit(): Promise<void>;
  /** Leaves nothing behind; also after a failure. */
  abort(): Promise<void>;
}

/**
 * Where downloaded files are kept. What it throws never ends a load, which goes on without it.
 *
 * @example
 * import type { CachedFile, ModelCache } from 'tpa-wasm';
 * // keeps files as long as the page: loadModel(url, { cache: memoryCache() })
 * function memoryCache(): ModelCache {
 *   const files = new Map<string, CachedFile>();
 *   return {
 *     open: async (key) => files.get(key),
 *     async create(key, facts) {
 *       const parts: Uint8Array<ArrayBuffer>[] = [];
 *       return {
 *         write: async (bytes) => void parts.push(new Uint8Array(bytes)),
 *         async commit() {
 *           const all = new Blob(parts);
 *           const read = async (offset: number, length: number) =>
 *             new Uint8Array(await all.slice(offset, offset + length).arrayBuffer());
 *           files.set(key, { facts, read, close: async () => {} });
 *         },
 *         abort: async () => {},
 *       };
 *     },
 *   };
 * }
 */
export interface ModelCache {
  /**
   * Finds a whole file, undefined where there is none.
   *
   * @param key a URL with all its parts, secrets too
   */
  open(key: string): Promise<CachedFile | undefined>;
  /**
   * Begins a file.
   *
   * @param key what it will be found under
   * @param facts what is to be kept with it
   */
  create(key: string, facts: FileFacts): Promise<CacheWriter>;
}

/** What keeps a model's files, and which, or why nothing does. */
export interface CacheInfo {
  /** What keeps them: the Cache API, a folder, the caller's cache, or nothing. */
  readonly kind: 'cache-api' | 'folder' | 'custom' | 'none';
  /** Where, or why not, in words. */
  readonly reason: string;
}

/** The cache of a runtime, in which `info.kind` is 'none' exactly where there is no cache. */
export interface RuntimeCache {
  readonly cache?: ModelCache;
  readonly info: CacheInfo;
}

/** Whether something is as a caller's cache must be. */
export function isModelCache(value: unknown): value is ModelCache {
  const { open, create } = Object(value) as Partial<ModelCache>;
  return typeof value === 'object' && typeof open === 'function' && typeof create === 'function';
}
