import { EventEmitter, once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openThread } from '../../src/worker/start/node-thread.ts';

const test = suite('a thread of node:worker_threads as a port');

const ECHO = `parentPort.on('message', (message) => parentPort.postMessage(message));`;

test('what is posted arrives, buffers by transfer, and what it says comes back', async () => {
  const { port, first } = start(ECHO);
  const buffer = new ArrayBuffer(8);
  port.post({ buffer }, [buffer]);
  port.keepAlive(true);
  assert.equal(await first, { message: { buffer: new ArrayBuffer(8) } });
  assert.is(buffer.byteLength, 0);
  await port.terminate();
});

test('one that fails, ends or cannot start dies once, with the reason', async () => {
  for (const [source, reason] of [
    [`throw new Error('boom');`, 'the worker failed: boom'],
    [`throw 'text';`, 'the worker failed: text'],
    [`Promise.reject(new Error('later'));`, 'the worker failed: later'],
    [`process.exit(7);`, 'the worker ended with 7'],
    [`import('./nothing.js');`, /^the worker failed: .*nothing\.js/],
  ] as const) {
    const { worker, port, first, deaths } = start(source);
    port.keepAlive(true);
    const { dead } = await first;
    if (typeof reason === 'string') assert.is(dead, reason);
    else assert.match(dead!, reason);
    await ended(worker);
    assert.is(deaths.length, 1);
  }
});

test('one that was ended while it was blocked has stopped, and nothing is heard of it', async () => {
  const word = new Int32Array(new SharedArrayBuffer(8));
  const { worker, port, first, messages, deaths } = start(`
    parentPort.once('message', (word) => {
      parentPort.postMessage('blocked');
      Atomics.wait(word, 0, 0);
      Atomics.store(word, 1, 1);
    });`);
  port.keepAlive(true);
  port.post(word);
  await first;
  await port.terminate();
  assert.is(worker.threadId, -1);
  Atomics.store(word, 0, 1);
  Atomics.notify(word, 0);
  assert.equal([messages, deaths, word[1]], [['blocked'], [], 0]);
});

test.run();

/** What was heard of a thread first. */
interface Heard {
  readonly message?: unknown;
  readonly dead?: string;
}

/** Starts a thread of a source with `parentPort` in it. */
function start(source: string) {
  const worker = new Worker(`const { parentPort } = require('node:worker_threads');${source}`, {
    eval: true,
  });
  const messages: unknown[] = [];
  const deaths: string[] = [];
  const heard = new EventEmitter();
  const first = once(heard, 'heard').then(([what]: Heard[]) => what!);
  const port = openThread(worker, {
    onMessage(message) {
      messages.push(message);
      heard.emit('heard', { message });
    },
    onDead(dead) {
      deaths.push(dead);
      heard.emit('heard', { dead });
    },
  });
  return { worker, port, messages, deaths, first };
}

async function ended(worker: Worker): Promise<void> {
  if (worker.threadId !== -1) await once(worker, 'exit');
}
