import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, basename } from 'node:path';
import { chromium } from 'playwright-core';
import type { Contender } from './contender.ts';

const PROGRAM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking'];

/** What makes a page isolated from other origins, as wllama wants it. */
const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Loads the model that the address names; `complete` answers with wllama's own timings. */
const PAGE = `<!doctype html><script type="module">
  import { Wllama } from '/esm/index.js';
  const wllama = new Wllama({ default: '/esm/wasm/wllama.wasm' }, { suppressNativeLog: true });
  globalThis.load = async (file, n_ctx, n_threads) => {
    const blob = await (await fetch(file)).blob();
    await wllama.loadModel([blob], { n_threads, n_gpu_layers: 0, n_ctx, n_batch: 512, n_parallel: 1 });
    return wllama.getNumThreads();
  };
  globalThis.complete = async (prompt, max_tokens, cache_prompt) => {
    const { timings } = await wllama.createCompletion({
      prompt, max_tokens, cache_prompt, temperature: 0, ignore_eos: true,
    });
    return timings;
  };
</script>`;

interface Timings {
  readonly prompt_n: number;
  readonly prompt_ms: number;
  readonly predicted_n: number;
  readonly predicted_ms: number;
}

/** wllama in headless Chromium. */
export async function openWllama(
  modules: string,
  path: string,
  contextLength: number,
  threads: number,
): Promise<Contender> {
  const browser = await chromium.launch({ executablePath: PROGRAM, args: FLAGS });
  const server = await serve([dirname(path), `${modules}@wllama/wllama`]);
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction('globalThis.load !== undefined');
  const file = JSON.stringify(`/${basename(path)}`);
  const found = await page.evaluate(`load(${file}, ${contextLength}, ${threads})`);
  if (found !== threads) throw new Error(`"threads" expected ${threads}, got ${String(found)}`);
  let length = 0;
  const complete = (tokens: number, isKept: boolean) =>
    page.evaluate(
      `complete(${JSON.stringify(promptText(length))}, ${tokens}, ${isKept})`,
    ) as Promise<Timings>;
  const evaluate = async (isKept: boolean) => {
    const { prompt_n: tokens, prompt_ms: ms } = await complete(1, isKept);
    return { tokens, seconds: ms / 1000 };
  };
  return {
    async prefill(tokens) {
      length = tokens;
      return (await evaluate(false)).seconds;
    },
    async extend(tokens) {
      length = tokens;
      return evaluate(true);
    },
    async decode(tokens) {
      const timings = await complete(tokens, true);
      return timings.predicted_ms / timings.predicted_n / 1000;
    },
    async dispose() {
      await browser.close();
      server.close();
    },
  };
}

/** A text of so many tokens in the vocabulary of the random models: each letter is one. */
function promptText(tokens: number): string {
  return Array.from({ length: tokens }, (_, i) => (i % 6 === 5 ? ' ' : 'abcdefghk'[(i * 7) % 9]))
    .join('')
    .trimEnd()
    .padEnd(tokens, 'a');
}

/** Serves the page, and files of folders. */
async function serve(folders: readonly string[]) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/') {
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/html' }).end(PAGE);
      return;
    }
    const file = folders.map((folder) => join(folder, pathname)).find(existsSync);
    const type = TYPES[extname(pathname)] ?? 'application/octet-stream';
    response.writeHead(file === undefined ? 404 : 200, { ...HEADERS, 'content-type': type });
    if (file === undefined) response.end();
    else createReadStream(file).pipe(response);
  });
  await new Promise<void>((listening) => server.listen(0, listening));
  return server;
}
