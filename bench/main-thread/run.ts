/*
 * `node --import tsx bench/main-thread/run.ts [folder]`: the longest task of a page's main thread
 * while T6-small q8 reads a prompt of 512 tokens and writes 100, by a trace of Chromium; with the
 * model in a worker and on the page. `--prompt`, `--tokens` and `--threads` take other numbers, a
 * folder another model. Fails if kernels ran on the main thread while the model was said to be in a worker.
 */
import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium, type Browser } from 'playwright-core';
import { modelPath } from '../models/model-files.ts';
import { PAGE, type PageAnswer } from './page.ts';
import { type Tasks, traceTasks } from './trace.ts';

const PROGRAM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking'];
const STANDALONE = fileURLToPath(new URL('../../dist/standalone/', import.meta.url));
const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prompt: { type: 'string', default: '512' },
    tokens: { type: 'string', default: '100' },
    threads: { type: 'string', default: '1' },
  },
});
const model =
  positionals[0] ??
  modelPath(fileURLToPath(new URL('../../.runtimes/models', import.meta.url)), {
    runtime: 'tpa-wasm',
    model: 'T6-small',
    dtype: 'q8',
    threads: 1,
  });
const server = await serve(model);
const browser = await chromium.launch({ executablePath: PROGRAM, args: FLAGS });
try {
  for (const worker of [true, false]) {
    const { load, write, said } = await measure(browser, server, worker);
    console.log(
      `worker: ${said.worker} (${said.workerReason}), threads: ${said.threads}; prefill ${Math.round(said.prefillMs)} ms, decode ${Math.round(said.decodeMs)} ms`,
    );
    console.log(`  loading: ${line(load)}\n  writing: ${line(write)}`);
    console.log(`  instances of wasm on the main thread: ${said.instances}`);
    if (said.worker !== worker) throw new Error(`"worker" was ${worker}: ${said.workerReason}`);
    if (worker && said.instances > 0) throw new Error('kernels ran on the main thread');
  }
} finally {
  await browser.close();
  server.close();
}

async function measure(
  within: Browser,
  from: Server,
  worker: boolean,
): Promise<{ load: Tasks; write: Tasks; said: PageAnswer }> {
  const page = await within.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`http://localhost:${(from.address() as AddressInfo).port}/`);
  await page.waitForFunction('globalThis.write !== undefined');
  // tasks of a page are seen by its browser alone
  const session = await within.newBrowserCDPSession();
  const options = { worker, backend: 'wasm', dtype: 'q8', threads: Number(values.threads) };
  const loading = await traceTasks(session, () =>
    page.evaluate(`load(${JSON.stringify(options)})`),
  );
  const asked = `write(${Number(values.prompt)}, ${Number(values.tokens)})`;
  const writing = await traceTasks(session, () => page.evaluate(asked) as Promise<PageAnswer>);
  await session.detach();
  await page.close();
  return { load: loading.tasks, write: writing.tasks, said: writing.result };
}

function line({ count, longestThread, longestWall, threadTotal }: Tasks): string {
  return `longest task ${longestThread.toFixed(1)} ms of the thread, ${longestWall.toFixed(1)} ms on the wall; ${count} tasks, ${Math.round(threadTotal)} ms of the thread`;
}

/** The page, the package and the model, isolated. */
async function serve(folder: string): Promise<Server> {
  const http = createServer((request, response) => void answer(folder, request, response));
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', () => listening()));
  return http;
}

async function answer(
  folder: string,
  { url = '/', method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(url, 'http://localhost');
  if (pathname === '/') {
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/html' }).end(PAGE);
    return;
  }
  const path = pathname.startsWith('/model/')
    ? `${folder}/${pathname.slice('/model/'.length)}`
    : `${STANDALONE}${pathname.slice('/tpa-wasm/'.length)}`;
  if (!existsSync(path)) {
    response.writeHead(404, HEADERS).end();
    return;
  }
  const type = extname(path) === '.js' ? 'text/javascript' : 'application/octet-stream';
  const { size } = await stat(path);
  response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': size });
  if (method === 'HEAD') response.end();
  else createReadStream(path).pipe(response);
}
