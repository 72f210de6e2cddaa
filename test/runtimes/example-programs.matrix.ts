import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { firstLine } from '../helpers/servers/first-line.ts';
import { until, withExample } from './example.ts';
import { REQUEST, textOfNode } from './node-text.ts';
import { SLOW, writeZeroModel } from './zero-model.ts';

const RUN_EXAMPLE = fileURLToPath(new URL('./run-example.ts', import.meta.url));

const node = suite('examples/node');

node('writes the text that the package gives', async () => {
  await withExample('node', async (example) => {
    example.edit('index.js', 'loadModel(MODEL)', "loadModel(MODEL, { simd: 'baseline' })");
    const running = example.start([], [REQUEST.prompt, String(REQUEST.seed)]);
    await running.ended();
    const text = await textOfNode({ ...REQUEST, maxTokens: 120 });
    assert.is(running.printed.stdout, REQUEST.prompt + text);
    assert.is(running.printed.stderr, '\n(length, seed 7)\n');
  });
});

node('ends at Ctrl-C, and says so', async () => {
  await withExample('node', async (example) => {
    writeZeroModel(example.model, SLOW);
    const running = example.start([], [REQUEST.prompt]);
    await until(() => running.printed.stdout.length > REQUEST.prompt.length, running);
    running.signal('SIGINT');
    await running.ended();
    assert.match(running.printed.stderr, /^\n\(abort, seed \d+\)\n$/);
  });
});

node.run();

const browser = suite('examples/browser');

browser('serves the page, the package and its model', async () => {
  await withExample('browser', async (example) => {
    const address = await firstLine(example.start([]).child);
    for (const path of ['', 'tpa-wasm/index.js', 'tpa-wasm/webgpu.js', 'model/config.json']) {
      const { status } = await fetch(address + path, { signal: AbortSignal.timeout(5_000) });
      assert.is(status, 200, path);
    }
  });
});

browser.run();

const run = suite('npm run example');

for (const [title, stop] of [
  ['Ctrl-C, twice', (child) => [1, 2].map(() => process.kill(-child.pid!, 'SIGINT'))],
  ['SIGTERM', (child) => child.kill('SIGTERM')],
] as readonly (readonly [title: string, stop: (child: ChildProcess) => unknown])[]) {
  run(`leaves no copy behind after ${title}`, async () => {
    const folder = mkdtempSync(`${tmpdir()}/tpa-run-`);
    const child = spawn(process.execPath, ['--import', 'tsx', RUN_EXAMPLE, 'vercel-node'], {
      env: { ...process.env, TMPDIR: folder, PORT: '0' },
      detached: true, // a group of its own, as a terminal gives it
    });
    const copies = () => readdirSync(folder).filter((name) => name.startsWith('tpa-consumer-'));
    try {
      const closed = once(child, 'close', { signal: AbortSignal.timeout(30_000) });
      await firstLine(child);
      assert.is(copies().length, 1);
      stop(child);
      await closed;
      assert.is(copies().length, 0);
    } finally {
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

run.run();
