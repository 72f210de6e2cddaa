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

const SAID = {
  thread: { role: 'thread', message: 'hello' },
  model: { kind: 'hello', ask: undefined },
};

const run = promisify(execFile);
const test = suite('#worker in Node');

for (const role of ['thread', 'model'] as const) {
  test(`a worker of the role "${role}" starts, answers and ends`, async () => {
    assert.equal(await greet(startWorker!, role), SAID[role]);
  });

  test(`an idle worker of the role "${role}" keeps no process alive, one that is needed does`, async () => {
    for (const isNeeded of [false, true]) {
      const program = `
        import startWorker from ${JSON.stringify(pathToFileURL(PROCESS).href)};
        const port = startWorker('${role}', {
          onDead: (reason) => process.stdout.write(reason),
          onMessage() {
            process.stdout.write('answered');
            port.keepAlive(false);
          },
        });
        port.keepAlive(${isNeeded});
        ${role === 'thread' ? `port.post('hello');` : ''}`;
      const args = ['--input-type=module', '--eval', program];
      const { stdout } = await run(process.execPath, args, { timeout: DEADLINE });
      assert.is(stdout, isNeeded ? 'answered' : '');
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
    assert.equal(await greet(start, 'thread'), SAID.thread);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();

/** Has a worker answer and ends it. @returns what it says first */
async function greet(start: StartWorker, role: WorkerRole): Promise<unknown> {
  const heard = new EventEmitter();
  const port = start(role, {
    onMessage: (message) => heard.emit('message', message),
    onDead: (reason) => heard.emit('error', new Error(reason)),
  });
  port.keepAlive(true);
  if (role === 'thread') port.post('hello');
  try {
    const [message] = (await once(heard, 'message')) as unknown[];
    return message;
  } finally {
    await port.terminate();
  }
}
