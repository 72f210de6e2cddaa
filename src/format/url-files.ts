import { TpaError, type TpaErrorData } from '../errors.ts';
import { checkBareName } from './bare-name.ts';
import { bytesSource } from './byte-source.ts';
import { printable } from './printable.ts';
import type { ModelFiles } from './model-files.ts';

/** Statuses of a file that is not there. */
const ABSENT: ReadonlySet<number> = new Set([404, 410]);
/** A wasm memory holds 4 GiB: weights beyond cannot be used. */
const MAX_FILE_BYTES = 2 ** 32;
/** First buffer of a file of unknown or doubtful length. */
const FIRST_BUFFER_BYTES = 2 ** 20;

/** The files below an http(s) address, each fetched whole when it is opened. */
export function openUrl(base: string, signal?: AbortSignal): ModelFiles {
  const directory = new URL(base);
  if (!directory.pathname.endsWith('/')) directory.pathname += '/';
  return {
    name: base,
    async open(file) {
      checkBareName(file);
      const address = new URL(file, directory);
      address.search = directory.search;
      const response = await fetch(address, signal ? { signal } : {}).catch((cause: unknown) => {
        throw signal?.aborted ? aborted(cause) : notServed(file, 'no answer', {}, cause);
      });
      const bytes = await readResponse(response, file, signal);
      return bytes && bytesSource(file, bytes);
    },
    async close() {},
  };
}

async function readResponse(
  response: Response,
  file: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const { body, headers, ok, status } = response;
  let problem: TpaError | undefined;
  if (!ok) problem = notServed(file, `HTTP status ${status}`, { status });
  // Many servers answer every unknown path with their start page.
  else if (/^text\/html/i.test(headers.get('content-type') ?? '')) {
    problem = notServed(file, 'an HTML page', { status });
  }
  const declared = declaredLength(response);
  const limit = declared ?? MAX_FILE_BYTES;
  if (!(limit >= 0 && limit <= MAX_FILE_BYTES)) problem ??= tooLarge(file, limit);
  if (problem) {
    await body?.cancel();
    if (ABSENT.has(status)) return undefined;
    throw problem;
  }

  let bytes = new Uint8Array(Math.min(limit, FIRST_BUFFER_BYTES));
  let filled = 0;
  const reader = body?.getReader();
  for (;;) {
    const chunk = await reader?.read().catch((cause: unknown) => {
      throw signal?.aborted ? aborted(cause) : wrongLength(file, limit, filled, cause);
    });
    if (!chunk?.value) break;
    const needed = filled + chunk.value.byteLength;
    if (needed > limit) {
      await reader?.cancel();
      throw declared === undefined ? tooLarge(file, needed) : wrongLength(file, declared, needed);
    }
    if (needed > bytes.byteLength) {
      const grown = new Uint8Array(Math.min(limit, Math.max(needed, bytes.byteLength * 2)));
      grown.set(bytes.subarray(0, filled));
      bytes = grown;
    }
    bytes.set(chunk.value, filled);
    filled = needed;
  }
  if (declared !== undefined && filled < declared) throw wrongLength(file, declared, filled);
  return bytes.subarray(0, filled);
}

/** Bytes of the body, undefined where the header may count the compressed bytes instead. */
function declaredLength({ headers, type }: Response): number | undefined {
  const length = headers.get('content-length');
  // From another origin a browser shows content-length, but not content-encoding.
  if (length === null || headers.has('content-encoding') || type === 'cors') return undefined;
  return Number(length);
}

function aborted(cause: unknown): TpaError {
  return new TpaError('ABORTED', 'loading was aborted', { cause });
}

function wrongLength(file: string, expected: number, found: number, cause?: unknown): TpaError {
  const message = `"${printable(file)}" expected ${expected} bytes, received ${found}`;
  const data = { expected, found };
  return new TpaError('WEIGHTS_TRUNCATED', message, { data, ...(cause ? { cause } : {}) });
}

function tooLarge(file: string, needed: number): TpaError {
  const message = `"${printable(file)}" expected at most ${MAX_FILE_BYTES} bytes, found ${needed}`;
  return new TpaError('RESOURCE_LIMIT', message, { data: { needed, limit: MAX_FILE_BYTES } });
}

function notServed(file: string, found: string, data: TpaErrorData, cause?: unknown): TpaError {
  const message = `model file "${printable(file)}" expected from the server, got ${found}`;
  return new TpaError('MODEL_NOT_FOUND', message, cause === undefined ? { data } : { cause, data });
}
