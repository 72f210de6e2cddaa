import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Sequence } from '../../src/backend/backend.ts';
import type { CpuBackend } from '../../src/backend/cpu.ts';
import type { StartWorker } from '../../src/base/worker-port.ts';
import { startThreads } from '../../src/threads/start-threads.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { FakeClock } from '../helpers/fakes/fake-clock.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { FaultyThreads } from '../helpers/threads/faulty-threads.ts';
import { openThreadedModel } from '../helpers/threads/threaded-model.ts';

/** Long against a range of this model (10 µs), short against the patience of a test. */
const LOST_MS = 40;
/** Milliseconds that the one that leads waits before each of its ranges, so that others take some. */
const HANDICAP_MS = 0.02;

const test = suite('threads that fail');

/** Every call of a thread is one that it dies in; the other ways fail at every third and every tenth. */
const STEP = { exit: 1, throw: 3, hang: 10 } as const;

for (const kind of ['exit', 'throw', 'hang'] as const) {
  test(`${kind} at call 0, ${STEP[kind]}, … of a thread: the logits are the same`, async () => {
    const { model, threads, expected } = await openScenario(2);
    const { backend, pool } = model;
    let failures = 0;
    // how many calls a thread makes is not the same each time
    for (let at = 0, misses = 0; misses < 3; at += STEP[kind]) {
      threads.fault = { kind, at };
      assert.is(await model.start(threads.start), undefined);
      assertSame(await decode(backend), expected, `${kind} at call ${at}`);
      if (threads.calls(1) <= at) {
        misses++;
      } else {
        failures++;
        misses = 0;
        assert.is(pool.threads, kind === 'throw' ? 2 : 1, `threads after call ${at}`);
      }
      pool.keep(1);
      pool.lanes = 2;
    }
    assert.ok(failures > 200 / STEP[kind], `${failures} failures`);
    backend.dispose();
  });
}

test('all threads fail, one after the other: the one that is left goes on', async () => {
  const { model, threads, expected } = await openScenario(4);
  for (const kind of ['throw', 'exit', 'hang'] as const) {
    const lost: string[] = [];
    model.pool.members.onLost = (reason) => lost.push(reason);
    threads.fault = { kind, at: 5 };
    assert.is(await model.start(threads.start), undefined);
    assertSame(await decode(model.backend), expected, kind);
    if (kind !== 'throw') assert.is(lost.length, 3, kind);
    model.pool.keep(1);
    model.pool.lanes = 4;
  }
  model.backend.dispose();
});

test('a thread that is ended from outside within a step costs nothing but itself', async () => {
  const { model, threads, expected } = await openScenario(2);
  threads.fault = { kind: 'throw', at: -1 };
  await model.start(threads.start);
  const decoding = decode(model.backend);
  setTimeout(() => model.pool.keep(1), 5);
  assertSame(await decoding, expected, 'logits');
  model.backend.dispose();
});

test('threads that do not start: each way has its reason, and one thread computes', async () => {
  const { model, threads, expected } = await openScenario(3);
  const { shared } = model.backend.network.compute.engine;
  const throwing: StartWorker = () => {
    throw new Error('no worker may be started');
  };
  assert.is(await startThreads(model.pool, shared!, throwing), 'no worker may be started');

  const dying: StartWorker = (_, { onDead }) => {
    queueMicrotask(() => onDead('it could not be loaded'));
    return { post() {}, keepAlive() {}, terminate: async () => {} };
  };
  assert.is(await startThreads(model.pool, shared!, dying), 'it could not be loaded');

  const clock = new FakeClock();
  let ended = 0;
  threads.fault = { kind: 'mute', at: -1 };
  const mute: StartWorker = (role, events) => {
    const port = threads.start(role, events);
    return { ...port, terminate: () => (ended++, port.terminate()) };
  };
  const starting = startThreads(model.pool, shared!, mute, clock);
  clock.advance(2001);
  assert.is(await starting, 'a worker did not begin within 2 s');
  assert.is(ended, 2);
  assert.is(model.pool.threads, 1);
  assertSame(await decode(model.backend), expected, 'logits');
  model.backend.dispose();
});

test('dispose() within a step ends all threads, and the step rejects', async () => {
  const { model, threads } = await openScenario(3, 0);
  threads.fault = { kind: 'throw', at: -1 };
  await model.start(threads.start);
  const running = decode(model.backend);
  await new Promise((resolve) => setTimeout(resolve, 2));
  model.backend.dispose();
  assert.is(model.pool.threads, 1);
  await running.then(
    () => assert.unreachable('the step should have rejected'),
    (error: { code?: unknown }) => assert.is(error.code, 'DISPOSED'),
  );
});

test.run();

/** A model whose leading thread is slow, and the logits that it has alone. */
async function openScenario(size: number, sliceMs = 40) {
  const { source } = mechanismVariant('tpa').build();
  const options = { simd: 'baseline', size, sliceMs, lostMs: LOST_MS, wrap: slowly } as const;
  const model = await openThreadedModel(source, options);
  return { model, threads: new FaultyThreads(), expected: await decode(model.backend) };
}

/** Each range of the thread that leads begins late, so that the others take most. */
function slowly(kernels: Engine['kernels']): Engine['kernels'] {
  const word = new Int32Array(new SharedArrayBuffer(4));
  return new Proxy(kernels, {
    get(target, name: string & keyof Engine['kernels']) {
      Atomics.wait(word, 0, 0, HANDICAP_MS);
      return target[name];
    },
  });
}

/** Prefill 64, decode 16, fork, decode 16: the last logits of every step. */
async function decode(backend: CpuBackend): Promise<Float32Array> {
  const random = createRandom(5);
  const ids = (count: number) => Array.from({ length: count }, () => random.integer(0, 60));
  const rows: Float32Array[] = [];
  let sequence: Sequence = backend.createSequence();
  const evaluate = async (tokens: readonly number[]) => {
    const end = sequence.length + tokens.length;
    for (let left = tokens; sequence.length < end; left = tokens.slice(sequence.length - end)) {
      rows.push(await sequence.forward(left));
    }
  };
  await evaluate(ids(64));
  for (const id of ids(16)) await evaluate([id]);
  const parent = sequence;
  sequence = parent.fork();
  parent.dispose();
  for (const id of ids(16)) await evaluate([id]);
  sequence.dispose();
  return Float32Array.from(rows.flatMap((row) => [...row]));
}
