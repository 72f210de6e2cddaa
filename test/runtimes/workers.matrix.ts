import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { version as esbuildVersion } from 'esbuild';
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launchChromium } from '../helpers/servers/browser.ts';
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
import { tokensOfNode, WORKER_PROGRAMS, type Written } from './worker-programs.ts';
import { writeFiles } from './workspace.ts';

const OWN_WORKERS = `${POLICY}; worker-src 'self'`;
const DEADLINE = 60_000;

const run = promisify(execFile);
const { folder, remove } = copyConsumer();
writeFiles(folder, WORKER_PROGRAMS);
const tokens = await tokensOfNode();

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
  const title = `${found.title} ${found.version}${note}`;
  test(`${title}: a model in a worker, with a thread beside it, writes the same and holds up nothing`, async () => {
    const options = { cwd: folder, timeout: DEADLINE };
    const { stdout, stderr } = await run(found.program, [...args, 'write.js'], options);
    assert.is(stderr, '');
    check(JSON.parse(stdout) as Written, { worker: true, threads: 2 });
  });
}

const missing = 'missing' in chromium ? chromium : undefined;
if (missing !== undefined) skip('pages of Chromium', missing);
else {
  const browser = chromium as Browser;
  fromInstalled(browser, 'vite', buildWithVite);
  fromInstalled(browser, 'webpack', buildWithWebpack);
  const title = `esbuild ${esbuildVersion}`;
  test(`${title}, not told of the worker: the page computes, and says which entry point is missing`, async () => {
    assert.equal(await buildWithEsbuild(folder), []);
    const { posted, complaints } = await open(browser, 'esbuild');
    check(posted as Written, { worker: false, threads: 1 });
    assert.match((posted as Written).workerReason, '"tpa-worker": "tpa-wasm/worker"');
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
  test(`${title}: a model in a worker writes the same, with a thread beside it where the page is isolated`, async () => {
    assert.equal(await bundle(), []);
    for (const headers of [{}, ISOLATION]) {
      const { posted, complaints } = await open(browser, output, headers);
      check(posted as Written, { worker: true, threads: headers === ISOLATION ? 2 : 1 });
      assert.equal(complaints, []);
    }
  });
}

function check(written: Written, expected: Pick<Written, 'worker' | 'threads'>): void {
  const { worker, workerReason, threads, threadsReason } = written;
  assert.equal({ worker, threads }, expected, `${workerReason}; ${threadsReason}`);
  assert.equal(written.tokens, tokens);
}

function open(browser: Browser, output: string, headers: object = {}) {
  return runPage(browser, {
    folders: [`${folder}/${output}`, folder],
    page: 'index.html',
    headers: { 'content-security-policy': OWN_WORKERS, ...headers },
  });
}

function skip(title: string, { missing: reason }: Missing): void {
  process.stdout.write(`workers: ${title} skipped, ${reason}\n`);
  test.skip(`${title} (${reason})`);
}
