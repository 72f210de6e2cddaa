import type { CachedFile, FileFacts, RuntimeCache } from './model-cache.ts';

/** No cache, and why. */
export function noCache(reason: string): RuntimeCache {
  return { info: { kind: 'none', reason } };
}

/** Facts as they were written by `JSON.stringify`; undefined for anything else. */
export function parseFacts(text: string | null): FileFacts | undefined {
  try {
    return readFacts(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

/**
 * What a cache gave as a file.
 *
 * @throws TypeError where it is none
 */
export function expectFile(value: unknown): CachedFile | undefined {
  // some caches give null where they have nothing
  if (value === undefined || value === null) return undefined;
  const { facts, read, close } = value as Partial<CachedFile>;
  const isFile = readFacts(facts) && typeof read === 'function' && typeof close === 'function';
  if (isFile) return value as CachedFile;
  throw new TypeError('the cache returned something that is no cached file');
}

function readFacts(json: unknown): FileFacts | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { size, etag, modified, isAbsent } = json as Record<string, unknown>;
  if (!Number.isSafeInteger(size) || (size as number) < 0) return undefined;
  return {
    size: size as number,
    ...(typeof etag === 'string' ? { etag } : {}),
    ...(typeof modified === 'string' ? { modified } : {}),
    ...(isAbsent === true ? { isAbsent } : {}),
  };
}
