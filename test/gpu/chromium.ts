import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launchChromium, SWIFTSHADER } from '../helpers/servers/browser.ts';
import { serveSite } from '../runtimes/hosts/site.ts';
import type { Bundle } from './bundle.ts';
import type { GpuHost, HostOrReason, Scenarios } from './host.ts';
import type { Assets } from './scenarios.ts';

const ORT = fileURLToPath(new URL('../../node_modules/onnxruntime-web/dist/', import.meta.url));

/** Scenarios as the page runs them. */
const PAGE = `<!doctype html><script type="module">
  import { runScenario } from './scenarios.js';
  globalThis.run = ({ assets, name, ask }) => runScenario({ ...assets, killGpu }, name, ask);
</script>`;

/** Headless Chromium with a page that runs scenarios. */
export async function openChromium({ folder }: Bundle): Promise<HostOrReason> {
  const browser = await launchChromium(SWIFTSHADER);
  if ('missing' in browser) return browser;
  writeFileSync(`${folder}/page.html`, PAGE);
  const site = { folders: [folder, ORT], page: 'page.html', headers: {} };
  const { address, close } = await serveSite(site);
  const { origin } = new URL(address);
  const killGpu = () => crashGpu(browser);
  const page = await browser.newPage();
  await page.exposeFunction('killGpu', killGpu);
  await page.goto(address);
  const assets: Assets = {
    worker: `${origin}/gpu-worker.js`,
    faultyWorker: `${origin}/faulty-worker.js`,
    module: `${origin}/ort.webgpu.bundle.min.mjs`,
  };
  const host: GpuHost = {
    async run<Name extends keyof Scenarios>(name: Name, ask: Scenarios[Name]['ask']) {
      const answer: unknown = await page.evaluate(`run(${JSON.stringify({ assets, name, ask })})`);
      return answer as Scenarios[Name]['answer'];
    },
    killGpu,
    async close() {
      await browser.close();
      close();
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
