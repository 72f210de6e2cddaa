import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { NoAdapterError } from './open.ts';
import type { Options } from './options.ts';
import type { PageScope } from './page.ts';
import type { GpuResult } from './result.ts';

const PROGRAM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
/** WebGPU without a GPU: on SwiftShader. */
const SOFTWARE_FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const QUIET_FLAGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking'];

/** Measures in a page of headless Chromium, which gets everything from this process. */
export async function runInChromium(
  root: URL,
  { minutes, contexts, flags = SOFTWARE_FLAGS }: Options,
  onLine: (line: string) => void,
): Promise<{ result: GpuResult; runtime: string; engine: string; flags: readonly string[] }> {
  const server = await serve(root);
  const { port } = server.address() as AddressInfo;
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    args: [...QUIET_FLAGS, ...flags],
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.exposeFunction('tellLine', onLine);
    await page.goto(`http://localhost:${port}/`);
    const result = await page.evaluate(
      (asked) => (globalThis as unknown as PageScope).runBench(asked),
      { minutes, contexts },
    );
    return { result, runtime: 'Chromium', engine: `Chromium ${browser.version()}`, flags };
  } catch (error) {
    // errors lose their class on the way out of the page
    throw String(error).includes(NoAdapterError.name) ? new NoAdapterError() : error;
  } finally {
    await browser.close();
    server.close();
  }
}

/** The page, its workers, and onnxruntime-web as it is installed. */
async function serve(root: URL): Promise<Server> {
  const scripts = await bundle(root);
  const server = createServer(async ({ url = '/' }, response) => {
    const name = new URL(url, 'http://localhost').pathname.slice(1);
    try {
      const body =
        scripts.get(name) ??
        (name === '' ? PAGE : await readFile(new URL(runtimeFile(name), root)));
      response.writeHead(200, { 'content-type': typeOf(name) });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return server;
}

const PAGE = '<!doctype html><meta charset="utf-8"><script type="module" src="page.js"></script>';

/** @throws Error for what is no file of onnxruntime-web */
function runtimeFile(name: string): string {
  const [, file] = /^ort\/([\w.-]+)$/.exec(name) ?? [];
  if (file === undefined) throw new Error(`no file "${name}"`);
  return `node_modules/onnxruntime-web/dist/${file}`;
}

function typeOf(name: string): string {
  if (name === '') return 'text/html';
  return name.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
}

async function bundle(root: URL): Promise<Map<string, Uint8Array>> {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(root),
    entryPoints: {
      page: 'bench/gpu/page.ts',
      'device-worker': 'src/backend/webgpu/worker/device-worker.ts',
      'append-worker': 'bench/gpu/append-worker.ts',
    },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    external: ['node:*', 'onnxruntime-web/*', 'webgpu'],
    outdir: 'out',
    write: false,
    logLevel: 'error',
  });
  return new Map(outputFiles.map(({ path, contents }) => [path.split(/[\\/]/).at(-1)!, contents]));
}
