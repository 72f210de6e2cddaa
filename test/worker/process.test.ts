import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import startWorker from '#worker';
import type { StartWorker, WorkerRole } from '../../src/base/worker-port.ts';

const PROCESS = fileURLToPath(new URL('../../dist/worker/process.js', import.meta.url));
/** An idle worker must not keep it alive; a busy machine takes 5 s to start Node. */
const DEADLINE = 60_000;

/** What is heard first; a thread is sent what it cannot use. */
const HEARD = {
  thread: /^the worker failed: .*WebAssembly/,
  model: /^hello$/,
};

const run = promisify(execFile);
const test = suite('#worker in Node');

for (const role of ['thread', 'model'] as const) {
  test(`a worker of the role "${role}" starts, is heard and ends`, async () => {
    assert.match(await greet(startWorker!, role), HEARD[role]);
  });

  test(`an idle worker of the role "${role}" keeps no process alive, one that is needed does`, async () => {
    for (const isNeeded of [false, true]) {
      const program = `
        import startWorker from ${JSON.stringify(pathToFileURL(PROCESS).href)};
        const end = () => {
          process.stdout.write('heard');
          port.keepAlive(false);
        };
        const port = startWorker('${role}', { onDead: end, onMessage: end });
        port.keepAlive(${isNeeded});
        ${isNeeded && role === 'thread' ? 'port.post({});' : ''}`;
      const args = ['--input-type=module', '--eval', program];
      const { stdout } = await run(process.execPath, args, { timeout: DEADLINE });
      assert.is(stdout, isNeeded ? 'heard' : '');
    }
  });
}

test('a bundle that has left the worker behind says so, and its threads start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tpa-worker-'));
  try {
    cpSync(PROCESS, join(folder, 'process.mjs'));
    const { default: start } = (await import(pathToFileURL(join(folder, 'process.mjs')).href)) as {
      default: StartWorker;
    };
    assert.throws(() => start('model', { onMessage() {}, onDead() {} }), /out of the bundle/);
    assert.match(await greet(start, 'thread'), HEARD.thread);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();

/** Starts a worker and ends it. @returns the kind of what it says first, or why it is dead */
async function greet(start: StartWorker, role: WorkerRole): Promise<string> {
  const heard = new EventEmitter();
  const port = start(role, {
    onMessage: (message) => heard.emit('heard', (message as { kind: string }).kind),
    onDead: (reason) => heard.emit('heard', reason),
  });
  port.keepAlive(true);
  if (role === 'thread') port.post({});
  try {
    const [first] = (await once(heard, 'heard')) as string[];
    return first!;
  } finally {
    await port.terminate();
  }
}
