import { EventEmitter, once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';

/** The strictest policy under which wasm can be compiled. */
export const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** Headers that make a page cross-origin isolated. */
export const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** A folder as a server gives it out. */
export interface Site {
  /** Folders in which a path is looked up, the first that has it first. */
  readonly folders: readonly string[];
  /** The page to open. */
  readonly page: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Types of paths whose name does not say them. */
  readonly types?: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json',
};

/** Serves a site on any free port; `report` is what the page posts. */
export async function serveSite({ folders, page, headers, types }: Site) {
  const posted = new EventEmitter();
  const report = once(posted, 'report').then(([value]: unknown[]) => value);
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'POST') {
      posted.emit('report', JSON.parse(await text(request)));
      response.writeHead(204, headers).end();
      return;
    }
    const path = folders.map((folder) => join(folder, pathname)).find(existsSync);
    const type = types?.[pathname] ?? TYPES[extname(pathname)] ?? 'application/octet-stream';
    // the icon that browsers ask for
    const status = path !== undefined ? 200 : pathname === '/favicon.ico' ? 204 : 404;
    response.writeHead(status, { ...headers, 'content-type': type });
    response.end(path === undefined ? undefined : readFileSync(path));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', () => listening()));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/${page}`, report, close: () => server.close() };
}
