import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Context } from '../../src/generate/context.ts';
import { yieldMacrotask } from '../../src/base/time.ts';
import { refused } from '../helpers/checks/refused.ts';
import { FakeBackend, type FakeOptions, prefixLogits } from '../helpers/fakes/fake-backend.ts';

const test = suite('Context');

const never = (): boolean => false;

/** A context of five ids, evaluated in chunks of two. */
async function setUp(options: FakeOptions = {}) {
  const backend = new FakeBackend({ maxChunk: 2, ...options });
  const context = new Context(backend);
  await context.evaluate([1, 2, 3, 4, 5], never);
  const calls = () => backend.calls.slice(3);
  const logitsOf = (...ids: number[]) => prefixLogits(ids, backend.vocabSize);
  return { backend, calls, context, logitsOf };
}

test('evaluate(): what is not evaluated yet comes first; with no ids the last token again', async () => {
  const { calls, context, logitsOf } = await setUp();
  context.append(6);
  assert.equal(await context.evaluate([7], never), logitsOf(1, 2, 3, 4, 5, 6, 7));
  assert.equal(await context.evaluate([], never), logitsOf(1, 2, 3, 4, 5, 6, 7));
  assert.equal(calls(), [2, 1]);
  assert.equal(context.ids, [1, 2, 3, 4, 5, 6, 7]);
});

test('evaluate() and replace(): whole or not at all, whichever chunk fails or is cancelled', async () => {
  const acts = {
    evaluate: (context: Context, isCancelled: () => boolean) =>
      context.evaluate([6, 7, 8], isCancelled),
    replace: (context: Context, isCancelled: () => boolean) =>
      context.replace([1, 2, 9, 8, 7], isCancelled),
  };
  for (const [name, act] of Object.entries(acts)) {
    for (const chunk of [1, 2]) {
      const failAt = new Map([[3 + chunk, 'throw' as const]]);
      const { backend, context, logitsOf } = await setUp({ failAt });
      const { byteLength } = context;
      await refused(() => act(context, never), 'KERNEL_TRAP', name);
      let asked = 0;
      assert.is(await act(context, () => ++asked > chunk), undefined, name);
      assert.equal([context.ids, context.byteLength], [[1, 2, 3, 4, 5], byteLength], name);
      assert.is(backend.live, 1);
      assert.equal(await context.evaluate([], never), logitsOf(1, 2, 3, 4, 5), name);
    }
  }
});

test('replace(): what the ids have in common stays cached', async () => {
  const { backend, calls, context, logitsOf } = await setUp();
  assert.equal(await context.replace([1, 2, 3, 9], never), logitsOf(1, 2, 3, 9));
  assert.equal(await context.replace([1, 2, 3, 9, 8], never), logitsOf(1, 2, 3, 9, 8));
  assert.equal(calls(), [1, 1]);
  assert.is(backend.live, 1);
});

test('hold(): other calls are SESSION_BUSY until it is released; only the first release counts', async () => {
  const { context } = await setUp();
  const release = context.hold({});
  await refused(async () => context.hold({}), 'SESSION_BUSY');
  release();
  const second = context.hold({});
  release();
  await refused(async () => context.checkFree(), 'SESSION_BUSY');
  second();
  context.checkFree();
});

test('truncate() and fork(): neither touches the other, an id that is not evaluated can go', async () => {
  const { context, logitsOf } = await setUp();
  const fork = context.fork();
  fork.append(6);
  fork.truncate(5);
  fork.truncate(2);
  assert.equal(await fork.evaluate([9], never), logitsOf(1, 2, 9));
  assert.equal(await context.evaluate([6], never), logitsOf(1, 2, 3, 4, 5, 6));
  assert.throws(() => context.truncate(7), RangeError);
});

test('dispose(): at once, or after the running forward; calls are DISPOSED then', async () => {
  const idle = await setUp();
  idle.context.dispose();
  assert.equal([idle.backend.live, idle.context.byteLength], [0, 0]);
  await refused(() => idle.context.evaluate([1], never), 'DISPOSED');
  const busy = await setUp();
  const running = busy.context.evaluate([6, 7, 8], never).catch((error: unknown) => error);
  busy.context.dispose();
  assert.is(busy.backend.live, 1, 'the forward goes on');
  await refused(() => running, 'DISPOSED');
  await yieldMacrotask();
  assert.is(busy.backend.live, 0);
});

test.run();
