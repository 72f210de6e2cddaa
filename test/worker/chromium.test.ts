import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launchChromium } from '../helpers/servers/browser.ts';
import { runPage } from '../runtimes/hosts/chromium.ts';
import { ISOLATION, POLICY } from '../runtimes/hosts/site.ts';
import { GREETED, type Greetings, greetingPage, html } from './greeting.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const WORKER = 'tpa-worker.js';
/** As bundlers take it, and as pages without one do. */
const ONE_FILE = readFileSync(`${DIST}${WORKER}`, 'utf8');
const IN_PARTS = readFileSync(`${DIST}standalone/${WORKER}`, 'utf8');
const OWN_WORKERS = `${POLICY}; worker-src 'self'`;
/** What a reason has to name where the browser tells none. */
const CAUSES = [/tpa-worker\.js/, /tpa-wasm\/worker/, /as JavaScript/, /worker-src/];
/** What Chromium tells by itself of the network and of a policy. */
const OF_CHROMIUM = /Failed to load|MIME type|Content Security Policy/;

/** How a page's worker is served. */
interface Served {
  readonly headers?: Readonly<Record<string, string>>;
  readonly policy?: string;
  /** The worker; its file is missing without. */
  readonly script?: string;
  readonly type?: string;
}

const chromium = await launchChromium();
const test = suite('workers in a page of Chromium');
if ('missing' in chromium) {
  test.skip(chromium.missing);
  process.stdout.write(`workers in a page of Chromium: skipped, ${chromium.missing}\n`);
} else {
  register(chromium);
  test.after(() => chromium.close());
}
test.run();

function register(browser: Browser): void {
  for (const [place, headers] of Object.entries({ 'not isolated': {}, isolated: ISOLATION })) {
    for (const [form, script] of Object.entries({ 'one file': ONE_FILE, 'in parts': IN_PARTS })) {
      test(`${form}, ${place}: each role starts under the strict policy, and a thread says what it cannot use`, async () => {
        const { greetings, complaints } = await greet(browser, { headers, script });
        assert.is(greetings.isIsolated, place === 'isolated');
        assert.match(greetings.thread.reason!, /failed: .*WebAssembly/);
        assert.equal(greetings.model, GREETED);
        assert.equal(complaints, []);
      });
    }
  }

  test('a page computes nothing itself, unless it is told to', async () => {
    const { posted, complaints } = await inFolder(countingPage(), (folder) =>
      runPage(browser, {
        folders: [folder, DIST, ROOT],
        page: 'page.html',
        headers: { 'content-security-policy': OWN_WORKERS },
      }),
    );
    assert.equal(posted, {
      byDefault: { worker: true, instances: 0 },
      told: { worker: false, instances: 1 },
    });
    assert.equal(
      complaints.filter((line) => !/No available adapters/.test(line)),
      [],
    );
  });

  const faults: readonly (readonly [string, Served, readonly RegExp[]])[] = [
    ['a file that is missing', {}, CAUSES],
    ['a page in its place', { script: '<!doctype html>', type: 'text/html' }, CAUSES],
    [
      'a policy that forbids workers',
      { policy: `${POLICY}; worker-src 'none'`, script: ONE_FILE },
      CAUSES,
    ],
    ['a page that is called JavaScript', { script: '<!doctype html>' }, CAUSES],
    ['a script that fails', { script: `throw new Error('boom')` }, [/failed: .*boom/]],
  ];
  for (const [name, served, words] of faults) {
    test(`${name}: the worker is dead and says why, and the page has no error`, async () => {
      const { greetings, complaints } = await greet(browser, served);
      for (const { reason } of [greetings.thread, greetings.model]) {
        for (const word of words) assert.match(reason!, word);
      }
      assert.equal(
        complaints.filter((line) => !OF_CHROMIUM.test(line)),
        [],
      );
    });
  }
}

/** Opens a page that greets a worker of each role. */
async function greet(
  browser: Browser,
  { headers, policy = OWN_WORKERS, script, type = 'text/javascript' }: Served,
): Promise<{ greetings: Greetings; complaints: readonly string[] }> {
  return inFolder(greetingPage('/web-worker.js'), async (folder) => {
    copyFileSync(`${DIST}web-worker.js`, `${folder}/web-worker.js`);
    if (script !== undefined) writeFileSync(`${folder}/${WORKER}`, script);
    const { posted, complaints } = await runPage(browser, {
      folders: [folder, ...(script === IN_PARTS ? [`${DIST}standalone`] : [])],
      page: 'page.html',
      headers: { 'content-security-policy': policy, ...headers },
      types: { [`/${WORKER}`]: type },
    });
    return { greetings: posted as Greetings, complaints };
  });
}

/** Counts the instances of wasm in a page that writes: kernels run where one was made. */
function countingPage(): string {
  return `
let instances = 0;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = (...args) => {
  instances++;
  return instantiate.apply(WebAssembly, args);
};
WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(...args) {
    super(...args);
    instances++;
  }
};
const { loadModel } = await import('/standalone/index.js');
async function write(options) {
  const model = await loadModel('/models/t6-stories.gguf', { backend: 'wasm', threads: 1, ...options });
  for await (const token of model.createSession().generate('Once', { maxTokens: 8 }));
  const { worker } = model.info();
  model.dispose();
  return { worker, instances };
}
const body = { byDefault: await write(), told: await write({ worker: false }) };
await fetch('/report', { method: 'POST', body: JSON.stringify(body) });`;
}

/** Runs `work` with a page in a folder that is removed. */
async function inFolder<T>(script: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(`${tmpdir()}/tpa-workers-`);
  try {
    writeFileSync(`${folder}/page.html`, html('/page.js'));
    writeFileSync(`${folder}/page.js`, script);
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
