import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { version as esbuildVersion } from 'esbuild';
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launchChromium } from '../helpers/servers/browser.ts';
import {
  GREETED,
  type Greetings,
  greetingPage,
  greetingProgram,
  html,
} from '../worker/greeting.ts';
import { copyConsumer } from './consumer.ts';
import { findRuntime, type Missing } from './find.ts';
import {
  type Bundler,
  buildWithEsbuild,
  buildWithVite,
  buildWithWebpack,
} from './hosts/bundlers.ts';
import { runPage } from './hosts/chromium.ts';
import { ISOLATION, POLICY } from './hosts/site.ts';
import type { RuntimeName } from './pins.ts';
import { writeFiles } from './workspace.ts';

/** The file that a bundler takes for `#worker`. */
const IN_PAGES = './node_modules/tpa-wasm/dist/web-worker.js';
const IN_PROCESSES = './node_modules/tpa-wasm/dist/worker/process.js';
const OWN_WORKERS = `${POLICY}; worker-src 'self'`;
const DEADLINE = 60_000;

const run = promisify(execFile);
const { folder, remove } = copyConsumer();
writeFiles(folder, {
  'page.js': greetingPage(IN_PAGES),
  'index.html': html('/page.js'),
  'esbuild/index.html': html('/page.js'),
  'webpack/index.html': html('/main.js'),
  'greet.js': greetingProgram(IN_PROCESSES),
});

const test = suite('workers');
const chromium = await launchChromium();
test.after(async () => {
  if (!('missing' in chromium)) await chromium.close();
  remove();
});

for (const [name, args, note] of [
  ['node', [], ''],
  ['deno', ['run', '--no-prompt'], ', without any permission'],
  ['bun', ['run'], ''],
] as const) {
  const found = findRuntime(name);
  if ('missing' in found) {
    skip(name, found);
    continue;
  }
  test(`${found.title} ${found.version}${note}: each role starts, ends and holds up nothing`, async () => {
    const options = { cwd: folder, timeout: DEADLINE };
    const { stdout, stderr } = await run(found.program, [...args, 'greet.js'], options);
    assert.is(stderr, '');
    assert.equal(JSON.parse(stdout), GREETED);
  });
}

const missing = 'missing' in chromium ? chromium : undefined;
if (missing !== undefined) skip('pages of Chromium', missing);
else {
  const browser = chromium as Browser;
  fromInstalled(browser, 'vite', buildWithVite);
  fromInstalled(browser, 'webpack', buildWithWebpack);
  const title = `esbuild ${esbuildVersion}`;
  test(`${title}, not told of the worker: dead, and the reason names the entry point`, async () => {
    assert.equal(await buildWithEsbuild(folder), []);
    const { posted, complaints } = await open(browser, 'esbuild');
    const { thread, model } = posted as Greetings;
    for (const { reason } of [thread, model]) {
      assert.match(reason!, '"tpa-worker": "tpa-wasm/worker"');
    }
    assert.equal(complaints, []);
  });
  fromBundler(browser, 'esbuild', `${title}, told of it`, () =>
    buildWithEsbuild(folder, { 'tpa-worker': 'tpa-wasm/worker' }),
  );
}
test.run();

function fromInstalled(browser: Browser, name: RuntimeName, bundler: Bundler): void {
  const found = findRuntime(name);
  if ('missing' in found) return skip(name, found);
  const { title, version, program } = found;
  fromBundler(browser, name, `${title} ${version}`, () => bundler(folder, program));
}

/** What a bundler makes of page.js with default settings, isolated and not. */
function fromBundler(
  browser: Browser,
  output: string,
  title: string,
  bundle: () => Promise<readonly string[]>,
): void {
  test(`${title}: each role starts, and a thread of the model's worker`, async () => {
    assert.equal(await bundle(), []);
    for (const headers of [{}, ISOLATION]) {
      const { posted, complaints } = await open(browser, output, headers);
      assert.equal(posted, { isIsolated: headers === ISOLATION, ...GREETED });
      assert.equal(complaints, []);
    }
  });
}

function open(browser: Browser, output: string, headers: object = {}) {
  return runPage(browser, {
    folders: [`${folder}/${output}`],
    page: 'index.html',
    headers: { 'content-security-policy': OWN_WORKERS, ...headers },
  });
}

function skip(title: string, { missing: reason }: Missing): void {
  process.stdout.write(`workers: ${title} skipped, ${reason}\n`);
  test.skip(`${title} (${reason})`);
}
