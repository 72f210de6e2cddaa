import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StartWorker, WorkerEvents } from '../../../src/base/worker-port.ts';
import { loadModel, type LoadOptions, type Model, type Session } from '../../../src/index.ts';
import { loadInWorker } from '../../../src/load/remote/client/load-in-worker.ts';
import { collectOnce, collectUntil } from '../../helpers/checks/collect.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { FakeClock } from '../../helpers/fakes/fake-clock.ts';
import { settle, until } from '../../helpers/fakes/silence.ts';
import { livelyT6 } from '../../helpers/models/t6-model.ts';
import { greedy, refusesCalls } from '../../helpers/sessions/sessions.ts';
import { liveWorkers, startModelWorker } from '../../helpers/workers/model-worker.ts';

const { source, ids } = livelyT6(250);
const options = { simd: 'baseline', backend: 'wasm' } as const;

const test = suite('workers that do not start, or end');

/** Ways in which a worker is of no use, and what info() says of them. */
const USELESS: readonly (readonly [string, StartWorker, RegExp])[] = [
  [
    'none may be started',
    () => {
      throw new Error('worker-src forbids it');
    },
    /^no worker: worker-src forbids it$/,
  ],
  ['it dies at once', dying((act) => act()), /^no worker: its file is missing$/],
  ['it dies a little later', dying(setImmediate), /^no worker: its file is missing$/],
];

for (const [name, worker, reason] of USELESS) {
  test(`${name}: the model is loaded here, and info() says why`, async () => {
    using model = await loadModel(source, { ...options, worker });
    const { worker: isRemote, workerReason } = model.info();
    assert.is(isRemote, false);
    assert.match(workerReason, reason);
    using session = model.createSession();
    assert.is((await greedy(session, ids, 4)).length, 4);
  });
}

test('one that says nothing for 2 seconds is ended; nothing is heard of it afterwards', async () => {
  const clock = new FakeClock();
  let terminated = 0;
  let told: WorkerEvents | undefined;
  const silent: StartWorker = (role, events) => {
    assert.is(role, 'model');
    told = events;
    return { post: () => {}, keepAlive: () => {}, terminate: async () => void terminated++ };
  };
  const loading = loadInWorker(source, { ...options, worker: silent }, 'asked for', clock);
  await until(() => told !== undefined);
  clock.advance(19_999);
  await settle();
  assert.is(terminated, 0);
  clock.advance(1);
  assert.equal(await loading, { reason: 'no worker: the worker did not start within 20 s' });
  assert.is(terminated, 1);
  told!.onDead('late');
});

test('without "worker" a program has its model here, as with false, and info() says why', async () => {
  for (const [worker, pattern] of [
    [undefined, /"worker": true starts one$/],
    [false, /^asked for$/],
  ] as const) {
    using model = await loadModel(source, worker === undefined ? options : { ...options, worker });
    assert.is(model.info().worker, false);
    assert.match(model.info().workerReason, pattern);
  }
});

test('a worker that dies: what runs rejects with WORKER_LOST, and so does all that follows', async () => {
  const model = await inWorker();
  const session = model.createSession();
  await session.prefill(ids.slice(0, 5));
  const running = refused(() => session.prefill(ids), 'WORKER_LOST', /load the model again$/);
  const scoring = refused(() => model.score(ids), 'WORKER_LOST');
  killAll();
  await Promise.all([running, scoring]);
  await refused(() => session.decode(1), 'WORKER_LOST');
  await refused(() => model.createSession(), 'WORKER_LOST');
  await refused(() => model.info(), 'WORKER_LOST');
  await refused(() => model.memory(), 'WORKER_LOST');
  session.dispose();
  model.dispose();
});

test('a worker that dies while it loads rejects with WORKER_LOST', async () => {
  await refused(() => inWorker({ onProgress: killAll }), 'WORKER_LOST');
  assert.is(liveWorkers.size, 0);
});

test('dispose() at any time ends the worker, and what runs rejects with DISPOSED', async () => {
  for (const moment of [0, 1, 2, 5]) {
    const model = await inWorker();
    assert.is(liveWorkers.size, 1);
    const session = model.createSession();
    const idle = model.createSession();
    const running = refused(() => session.prefill(ids), 'DISPOSED');
    const logits = refused(() => model.logits(ids), 'DISPOSED');
    for (let turn = 0; turn < moment; turn++) await settle();
    model.dispose();
    model.dispose();
    await Promise.all([running, logits]);
    await refusesCalls(idle, 'DISPOSED');
    await refused(() => model.createSession(), 'DISPOSED');
    await refused(() => model.info(), 'DISPOSED');
    await until(() => liveWorkers.size === 0);
  }
});

test('a model that a program forgets ends its worker; one whose session is kept does not', async () => {
  let session: Session | undefined = await sessionOfForgotten();
  for (let i = 0; i < 3; i++) await collectOnce();
  await session.prefill([1, 2, 3]);
  assert.is(liveWorkers.size, 1);
  session = undefined;
  await collectUntil(() => liveWorkers.size === 0);
  assert.is(liveWorkers.size, 0);
});

test('an abort ends loading with its reason, whatever the worker does, and the worker with it', async () => {
  const reason = new Error('enough');
  await refused(() => inWorker({ signal: AbortSignal.abort(reason) }), 'ABORTED');
  const controller = new AbortController();
  const onProgress = (): void => controller.abort(reason);
  const loading = inWorker({ signal: controller.signal, onProgress });
  const { cause } = await refused(() => loading, 'ABORTED');
  assert.is(cause, reason);
  await until(() => liveWorkers.size === 0);
});

for (const isEarly of [true, false]) {
  const when = isEarly ? 'before it has started' : 'while it loads';
  test(`an abort ${when}, which the worker does not hear: it is ended after 2 seconds`, async () => {
    const clock = new FakeClock();
    const posted: unknown[] = [];
    let terminated = 0;
    let told: WorkerEvents | undefined;
    const deaf: StartWorker = (_role, events) => {
      told = events;
      return {
        post: (message) => void posted.push(message),
        keepAlive: () => {},
        terminate: async () => void terminated++,
      };
    };
    const controller = new AbortController();
    const { signal } = controller;
    const loading = loadInWorker(source, { ...options, worker: deaf, signal }, 'asked for', clock);
    await until(() => posted.length === 1);
    if (isEarly) controller.abort();
    told!.onMessage({ kind: 'hello' });
    await until(() => posted.length > 1);
    controller.abort();
    clock.advance(2000);
    await refused(() => loading, 'ABORTED');
    clock.advance(100);
    assert.is(terminated, 1);
  });
}

test.run();

/** Of a model that nobody holds. */
async function sessionOfForgotten(): Promise<Session> {
  const model = await inWorker();
  model.addEventListener('backendchange', () => {});
  await model.createSession().prefill([1, 2, 3]);
  return model.createSession();
}

function inWorker(more: LoadOptions = {}): Promise<Model> {
  return loadModel(source, { ...options, ...more, worker: startModelWorker });
}

function killAll(): void {
  for (const worker of liveWorkers) void worker.terminate();
}

/** A worker that dies when `later` runs what it is given. */
function dying(later: (act: () => void) => unknown): StartWorker {
  return (_role, { onDead }) => {
    later(() => onDead('its file is missing'));
    return { post: () => {}, keepAlive: () => {}, terminate: async () => {} };
  };
}
