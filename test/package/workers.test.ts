import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** As a server sends it compressed. */
const START_BYTES = 700;
const WORKER_BYTES = 172_000;
const START = 'dist/web-worker.js';
/** What starts workers, and what they run. */
const OF_WORKERS = /web-worker|tpa-worker|worker\/(process|model)/;

const test = suite('workers, as bundlers take them');

test('each runtime takes the one file that starts its workers', async () => {
  for (const [conditions, file] of [
    [['workerd', 'worker', 'browser'], 'dist/worker/none.js'],
    [['edge-light', 'worker', 'browser'], 'dist/worker/none.js'],
    [['browser'], START],
    [['deno', 'node'], 'dist/worker/process.js'],
    [['bun', 'node'], 'dist/worker/process.js'],
    [['node'], 'dist/worker/process.js'],
    [[], START],
  ] as const) {
    const inputs = await bundled(`export { default } from '#worker'`, conditions);
    assert.equal(
      inputs.filter((name) => name.startsWith('dist/')),
      [file],
      conditions.join(),
    );
  }
});

test('Cloudflare and Vercel take nothing of workers along', async () => {
  const source = `export { loadModel, createRuntime } from './dist/index.js'`;
  for (const conditions of [['workerd'], ['edge-light']]) {
    const inputs = await bundled(source, [...conditions, 'worker', 'browser']);
    assert.ok(inputs.some((name) => name.startsWith('dist/chunk-')));
    assert.equal(
      inputs.filter((name) => OF_WORKERS.test(name)),
      [],
    );
  }
});

test(`what starts a worker in a page: at most ${START_BYTES} bytes, gzip, and nothing besides`, () => {
  const text = readFileSync(`${ROOT}${START}`, 'utf8');
  const { length } = gzipSync(text, { level: 9 });
  assert.ok(length <= START_BYTES, `${length} bytes`);
  assert.not.match(text, /\bimport\b(?!\.meta)/);
  assert.match(text, /new Worker\(new URL\("\.\/tpa-worker\.js", ?import\.meta\.url\)/);
});

test(`the worker that bundlers take: at most ${WORKER_BYTES} bytes, gzip, in one file that names no worker`, () => {
  const text = readFileSync(`${ROOT}dist/tpa-worker.js`, 'utf8');
  const { length } = gzipSync(text, { level: 9 });
  assert.ok(length <= WORKER_BYTES, `${length} bytes`);
  assert.not.match(text, /\bimport *(["'(]|\{)|\bfrom *["']/);
  assert.not.match(text, /new Worker\(new URL\(/);
});

test('bundlers keep a worker that another file imports for its effect alone', async () => {
  for (const worker of ['dist/tpa-worker.js', 'dist/standalone/tpa-worker.js']) {
    const inputs = await bundled(`import './${worker}'`, ['browser']);
    assert.ok(inputs.includes(worker), worker);
  }
});

test.run();

/** The files that have something in a bundle. */
async function bundled(contents: string, conditions: readonly string[]): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    stdin: { contents, resolveDir: ROOT, sourcefile: 'main.js' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    conditions: [...conditions],
    mainFields: ['module', 'main'],
    external: ['node:*', '*.wasm', '*.wasm?module', '@noble/*', '@assemblyscript/*', 'wasm-*'],
    outdir: 'out',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  return Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
}
