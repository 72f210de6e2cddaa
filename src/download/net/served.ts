import { tooLarge } from '../../format/files/byte-source.ts';
import { changed, MAX_FILE_BYTES, wrongLength, wrongPlace } from './failures.ts';

/** What tells one version of a file from another, where a server says. */
export interface Version {
  readonly etag?: string;
  readonly modified?: string;
}

/** What an answer says of the file and of its own part of it. */
export interface Served {
  readonly version: Version;
  /** First byte of the body, counted from the start of the file. */
  readonly start: number;
  /** Bytes of the body and of the file; undefined where the server does not say. */
  readonly length: number | undefined;
  readonly size: number | undefined;
  /** Whether the body was compressed, so that no part of the file can be asked for. */
  readonly isEncoded: boolean;
}

const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+|\*)$/;
/** What servers add to the etag of a file that they compress. */
const ETAG_VARIANT = /^W\/|[-;](?:gzip|br|zstd|deflate)(?="$)/g;

/**
 * Reads the headers of a 200 or 206 to `Range: bytes=asked-`.
 *
 * @param isPart whether only a part of what follows was asked for, which tells no size
 * @throws TpaError `WEIGHTS_TRUNCATED` where they contradict the request or each other,
 *   `RESOURCE_LIMIT`
 */
export function readServed(
  file: string,
  response: Response,
  asked: number,
  isPart = false,
): Served {
  const isEncoded = response.headers.has('content-encoding');
  const version = readVersion(response.headers);
  if (response.status !== 206) {
    const size = checkSize(file, bodyLength(response));
    return { start: 0, length: size, size, isEncoded, version };
  }
  const range = response.headers.get('content-range');
  if (isEncoded) {
    return { start: asked, length: undefined, size: undefined, isEncoded, version };
  }
  const length = readLength(response.headers);
  if (range === null) {
    // From another origin a browser may hide the header; a part of a file is not compressed then.
    if (response.type !== 'cors') throw wrongPlace(file, asked, 'no Content-Range');
    const size = length === undefined || isPart ? undefined : checkSize(file, asked + length);
    return { start: asked, length, size, isEncoded, version };
  }
  const [, first, last, total] = CONTENT_RANGE.exec(range) ?? [];
  const start = Number(first);
  const end = Number(last) + 1;
  if (start !== asked || !(end > start)) throw wrongPlace(file, asked, range);
  const size = total !== '*' ? Number(total) : isPart ? undefined : end;
  checkSize(file, Math.max(size ?? end, end));
  if (size !== undefined && end > size) throw wrongLength(file, size, end);
  if (length !== undefined && length !== end - start) throw wrongLength(file, end - start, length);
  return { start, length: end - start, size, isEncoded, version };
}

/** Etag and date, where they can be seen. */
export function readVersion(headers: Headers): Version {
  const etag = headers.get('etag')?.replaceAll(ETAG_VARIANT, '');
  const modified = headers.get('last-modified');
  return { ...(etag ? { etag } : {}), ...(modified ? { modified } : {}) };
}

/** Whether two answers tell of different versions; mirrors agree on etags rather than on dates. */
export function isOtherVersion(a: Version, b: Version): boolean {
  if (a.etag !== undefined && b.etag !== undefined) return a.etag !== b.etag;
  return a.modified !== undefined && b.modified !== undefined && a.modified !== b.modified;
}

/** @throws TpaError `WEIGHTS_CHANGED` where `now` tells of another file than `before` */
export function checkUnchanged(file: string, before: Served, now: Served): void {
  const isOtherSize =
    before.size !== undefined && now.size !== undefined && before.size !== now.size;
  if (isOtherSize || isOtherVersion(before.version, now.version)) throw changed(file);
}

/** Whether an answer is what many servers have for every unknown path: their start page. */
export function isPage({ headers, ok }: Response): boolean {
  return ok && /^text\/html/i.test(headers.get('content-type') ?? '');
}

/** Bytes of the file of which an answer has any part, where it says. */
export function fileSize(response: Response): number | undefined {
  if (response.status !== 206) return bodyLength(response);
  const total = CONTENT_RANGE.exec(response.headers.get('content-range') ?? '')?.[3];
  return total === undefined || total === '*' ? undefined : Number(total);
}

/** Bytes of a whole file, undefined where the header may count the compressed bytes instead. */
function bodyLength({ headers, type }: Response): number | undefined {
  // From another origin a browser shows content-length, but not content-encoding.
  if (headers.has('content-encoding') || type === 'cors') return undefined;
  return readLength(headers);
}

function readLength(headers: Headers): number | undefined {
  const length = headers.get('content-length');
  return length === null ? undefined : Number(length);
}

function checkSize(file: string, size: number | undefined): number | undefined {
  if (size === undefined || (size >= 0 && size <= MAX_FILE_BYTES)) return size;
  throw tooLarge(file, size, MAX_FILE_BYTES);
}
