import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** What a server was asked. */
export interface Request {
  readonly method: string;
  readonly file: string;
  readonly query: string;
  /** First byte of the range asked for, and its last where that is said. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Requests for the file before this one. */
  readonly nth: number;
  readonly authorization: string | undefined;
}

/** What a server does wrong; nothing unless given. */
export interface Fault {
  /** Destroys the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Milliseconds until then, default 20: what was sent has to be read before the end comes. */
  readonly cutMs?: number;
  /** Sends nothing more after so many bytes of the body. */
  readonly stallAfter?: number;
  /** Does not even answer. */
  readonly isSilent?: boolean;
  /** Answers 200 and the whole file. */
  readonly ignoresRange?: boolean;
  /** Gives at most so many bytes an answer. */
  readonly atMost?: number;
  readonly status?: number;
  /** Replaces headers; undefined removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Replaces the body. */
  readonly body?: Uint8Array | string;
  readonly gzip?: boolean;
}

/** A server under test, and what it was asked for so far, such as `GET model.safetensors 5-`. */
export interface FileServer extends AsyncDisposable {
  readonly base: string;
  readonly log: string[];
  /** Body bytes sent, by file. */
  readonly sent: Map<string, number>;
  /** Answers that have not ended. */
  readonly connections: () => number;
  /** Ends it, also a second time. */
  readonly close: () => Promise<void>;
}

/** Whether nothing was asked for but the headers of files. */
export function onlyHeads(log: readonly string[]): boolean {
  return log.every((line) => line.startsWith('HEAD '));
}

/** What goes wrong with every request, or with one. */
export type Faults = Fault | ((request: Request) => Fault | undefined | void);

/** Serves files below /m/, as `faults` spoil it, until it is disposed. */
export async function serveFiles(
  files: ReadonlyMap<string, Uint8Array>,
  faults: Faults = {},
): Promise<FileServer> {
  const log: string[] = [];
  const sent = new Map<string, number>();
  const counts = new Map<string, number>();
  let open = 0;
  const server = createServer((message, response) => {
    open++;
    response.once('close', () => open--);
    const request = readRequest(message, counts);
    const range = request.from === undefined ? '' : ` ${request.from}-${request.to ?? ''}`;
    log.push(`${request.method} ${request.file}${range}`);
    const fault = typeof faults === 'function' ? (faults(request) ?? {}) : faults;
    const written = answer(request, files.get(request.file), fault, response);
    sent.set(request.file, (sent.get(request.file) ?? 0) + written);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}/m/`;
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  return { base, log, sent, connections: () => open, close, [Symbol.asyncDispose]: close };
}

function readRequest(message: IncomingMessage, counts: Map<string, number>): Request {
  const { method = '', url = '/', headers } = message;
  const { pathname, search } = new URL(url, 'http://host');
  const file = pathname.replace('/m/', '');
  const nth = counts.get(file) ?? 0;
  counts.set(file, nth + 1);
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  return {
    method,
    file,
    query: search,
    from: from === undefined ? undefined : Number(from),
    to: to ? Number(to) : undefined,
    nth,
    authorization: headers.authorization,
  };
}

/** @returns bytes of the body that are sent */
function answer(
  { method, from, to = Infinity }: Request,
  content: Uint8Array | undefined,
  fault: Fault,
  response: ServerResponse,
): number {
  if (fault.isSilent) return 0;
  const isRange = from !== undefined && !fault.ignoresRange;
  const start = isRange ? from : 0;
  const whole = content ?? new Uint8Array();
  const last = isRange ? to : Infinity;
  const end = Math.min(whole.byteLength, last + 1, start + (fault.atMost ?? Infinity));
  const found = content === undefined ? 404 : isRange ? 206 : 200;
  const status = fault.status ?? found;
  let body = toBytes(fault.body ?? (status >= 300 ? '' : whole.subarray(start, end)));
  if (fault.gzip) body = gzipSync(body);
  const headers: Record<string, string | number | undefined> = {
    'content-length': body.byteLength,
    'content-type': 'application/octet-stream',
    etag: '"1"',
    ...(fault.gzip && { 'content-encoding': 'gzip' }),
    ...(status === 206 && { 'content-range': `bytes ${start}-${end - 1}/${whole.byteLength}` }),
    ...fault.headers,
  };
  const known = Object.entries(headers).filter(([, value]) => value !== undefined);
  response.writeHead(status, Object.fromEntries(known) as Record<string, string>);
  if (method === 'HEAD') {
    response.end();
    return 0;
  }
  const { cutAfter, cutMs = 20, stallAfter } = fault;
  const kept = body.subarray(0, cutAfter ?? stallAfter);
  if (cutAfter === undefined && stallAfter === undefined) {
    response.end(kept);
  } else {
    response.flushHeaders();
    response.write(kept, () => {
      if (cutAfter !== undefined) setTimeout(() => response.destroy(), cutMs);
    });
  }
  return kept.byteLength;
}

function toBytes(body: Uint8Array | string): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : body;
}
