import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launchChromium, SWIFTSHADER } from '../helpers/servers/browser.ts';
import type { Bundle } from './bundle.ts';
import type { GpuHost, HostOrReason, Scenarios } from './host.ts';
import type { Assets } from './scenarios.ts';

const ORT = fileURLToPath(new URL('../../node_modules/onnxruntime-web/dist/', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.html': 'text/html',
};

/** Scenarios as the page runs them. */
const PAGE = `<!doctype html><script type="module">
  import { runScenario } from './scenarios.js';
  globalThis.run = ({ assets, name, ask }) => runScenario({ ...assets, killGpu }, name, ask);
</script>`;

/** Headless Chromium with a page that runs scenarios. */
export async function openChromium({ folder }: Bundle): Promise<HostOrReason> {
  const browser = await launchChromium(SWIFTSHADER);
  if ('missing' in browser) return browser;
  const server = await serve(folder);
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const killGpu = () => crashGpu(browser);
  const page = await browser.newPage();
  await page.exposeFunction('killGpu', killGpu);
  await page.goto(`${origin}/page.html`);
  const assets: Assets = {
    worker: `${origin}/gpu-worker.js`,
    faultyWorker: `${origin}/faulty-worker.js`,
    module: `${origin}/ort/ort.webgpu.bundle.min.mjs`,
  };
  const host: GpuHost = {
    async run<Name extends keyof Scenarios>(name: Name, ask: Scenarios[Name]['ask']) {
      const answer: unknown = await page.evaluate(`run(${JSON.stringify({ assets, name, ask })})`);
      return answer as Scenarios[Name]['answer'];
    },
    killGpu,
    async close() {
      await browser.close();
      server.close();
    },
  };
  return host;
}

/** Ends the process that talks to the GPU. */
export async function crashGpu(browser: Browser): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  // the reply never comes from the process that is gone
  await Promise.race([
    session.send('Browser.crashGpuProcess').catch(() => {}),
    new Promise((resolve) => setTimeout(resolve, 1000)),
  ]);
}

/** The bundle, onnxruntime-web under /ort/, and a page. */
function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = basename(pathname);
    const content =
      file === 'page.html' ? PAGE : read(join(pathname.startsWith('/ort/') ? ORT : folder, file));
    response.writeHead(content === undefined ? 404 : 200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    });
    response.end(content);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function read(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}
