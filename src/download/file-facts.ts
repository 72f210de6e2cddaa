import type { FileFacts } from './model-cache.ts';

/** Facts as they were written by `JSON.stringify`; undefined for anything else. */
export function parseFacts(text: string | null): FileFacts | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
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
