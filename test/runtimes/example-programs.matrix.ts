import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { firstLine } from '../helpers/servers/first-line.ts';
import { until, withExample } from './example.ts';
import { REQUEST, textOfNode } from './node-text.ts';
import { SLOW } from './zero-model.ts';

const node = suite('examples/node');

node('writes the text that the package gives', async () => {
  await withExample('node', async (example) => {
    example.edit('index.js', 'loadModel(MODEL)', "loadModel(MODEL, { simd: 'baseline' })");
    const running = example.start([], [REQUEST.prompt, String(REQUEST.seed)]);
    await running.ended();
    const text = await textOfNode({ ...REQUEST, maxTokens: 120 });
    assert.is(running.printed.stdout, REQUEST.prompt + text);
    assert.match(running.printed.stderr, /^\n\((length|stop), seed 7\)\n$/);
  });
});

node('ends at Ctrl-C, and says so', async () => {
  await withExample('node', async (example) => {
    example.useZeros(SLOW);
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
    for (const path of ['', 'tpa-wasm/index.js', 'tpa-wasm/webgpu.js', 'models/t6-stories.gguf']) {
      const { status } = await fetch(address + path, { signal: AbortSignal.timeout(60_000) });
      assert.is(status, 200, path);
    }
  });
});

browser.run();
