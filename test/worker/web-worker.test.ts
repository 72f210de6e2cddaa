import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WorkerEvents, WorkerPort, WorkerRole } from '../../src/base/worker-port.ts';
import { openWorker } from '../../src/worker/start/web-worker.ts';
import startSibling from '../../src/worker/start/sibling.ts';
import { FakeWorker } from '../helpers/gpu/fake-worker.ts';
import { withGlobals } from '../helpers/fakes/globals.ts';

const test = suite('a Web Worker as a port');

test('the first message is the role, and the next may follow at once', async () => {
  const { worker, port } = await open('model');
  const buffer = new ArrayBuffer(8);
  port.post({ load: 1 }, [buffer]);
  assert.equal(worker.received, [{ role: 'model' }, { load: 1 }]);
  assert.equal(worker.transfers, [[], [buffer]]);
});

test('what it says is handed over', async () => {
  const { worker, events } = await open();
  worker.emit('message', { data: 'hello' });
  assert.equal(events.messages, ['hello']);
  assert.equal(events.deaths, []);
});

test('a file that cannot be loaded: causes and cures in a sentence, and no error of the page', async () => {
  const { worker, events } = await open();
  const event = { message: undefined, prevented: 0, preventDefault: () => event.prevented++ };
  worker.emit('error', event);
  assert.is(events.deaths.length, 1);
  for (const word of [/tpa-worker\.js/, /tpa-wasm\/worker/, /as JavaScript/, /worker-src/]) {
    assert.match(events.deaths[0]!, word);
  }
  assert.is(event.prevented, 1);
  assert.is(worker.terminations, 1);
});

test('one that fails is ended, and dies once', async () => {
  const { worker, events } = await open();
  worker.emit('error', { message: 'Uncaught Error: boom', preventDefault() {} });
  worker.emit('error', { message: 'again', preventDefault() {} });
  worker.emit('message', { data: 'late' });
  assert.equal(events.deaths, ['the worker failed: Uncaught Error: boom']);
  assert.equal(events.messages, []);
  assert.is(worker.terminations, 1);
});

test('one whose message cannot be read is ended', async () => {
  const { worker, events } = await open();
  worker.emit('messageerror', {});
  assert.equal(events.deaths, ['the worker sent what cannot be read']);
  assert.is(worker.terminations, 1);
});

test('of one that was ended nothing is heard', async () => {
  const { worker, port, events } = await open();
  await port.terminate();
  worker.emit('message', { data: 'late' });
  worker.emit('error', { message: 'late', preventDefault() {} });
  assert.equal([events.messages, events.deaths], [[], []]);
  assert.is(worker.terminations, 1);
});

test('no Worker, and one whose constructor throws: the reason is thrown', async () => {
  await withGlobals({ Worker: undefined }, () => {
    assert.throws(() => openWorker('thread', new Events(), makeFake), /no Worker/);
  });
  await withGlobals({ Worker: FakeWorker }, () => {
    assert.throws(() => openWorker('thread', new Events(), refuse), /origin "null"/);
  });
});

test('a sibling is started from the own address, as the kind of script that this one is', async () => {
  const href = 'https://example.org/assets/tpa-worker-5f.js?v=1';
  for (const [importScripts, type] of [
    [() => {}, 'classic'],
    [refuse, 'module'],
    [undefined, 'module'],
  ] as const) {
    const globals = { Worker: FakeWorker, location: { href }, importScripts };
    await withGlobals(globals, () => void startSibling('thread', new Events()));
    const worker = FakeWorker.workers.at(-1)!;
    assert.is(worker.url, href);
    assert.is((worker.options as WorkerOptions).type, type);
    assert.equal(worker.received, [{ role: 'thread' }]);
  }
});

test.run();

function makeFake(): Worker {
  return new FakeWorker('tpa-worker.js', {}) as unknown as Worker;
}

function refuse(): never {
  throw new Error('from origin "null"');
}

class Events implements WorkerEvents {
  readonly messages: unknown[] = [];
  readonly deaths: string[] = [];
  onMessage = (message: unknown): void => void this.messages.push(message);
  onDead = (reason: string): void => void this.deaths.push(reason);
}

async function open(
  role: WorkerRole = 'thread',
): Promise<{ worker: FakeWorker; port: WorkerPort; events: Events }> {
  const worker = new FakeWorker('tpa-worker.js', {});
  const events = new Events();
  const port = await withGlobals({ Worker: FakeWorker }, () =>
    openWorker(role, events, () => worker as unknown as Worker),
  );
  return { worker, port, events };
}
