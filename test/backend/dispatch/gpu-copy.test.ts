import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GpuBackend } from '../../../src/backend/backend.ts';
import { GpuCopy, GpuSide } from '../../../src/backend/dispatch/gpu-copy.ts';
import { Guard } from '../../../src/device/guard.ts';
import { assertClose } from '../../helpers/checks/close.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { withoutMemory } from '../../helpers/fakes/fake-memory.ts';
import { FakeClock } from '../../helpers/fakes/fake-clock.ts';
import { openSmall, PROMPT } from '../../helpers/gpu/dispatch-scenario.ts';
import { type FakeGpuOptions, FakeGpus } from '../../helpers/gpu/fake-gpu.ts';
import { evaluate } from '../../helpers/sessions/evaluate.ts';

const cpu = await openSmall();
const device = await openSmall();
const { used } = cpu.network.compute.heap;

const test = suite('GpuCopy');

/** A copy of a sequence of the CPU that has `cached` tokens. */
async function setUp(cached = 0, options: FakeGpuOptions = {}) {
  const clock = new FakeClock();
  const gpus = new FakeGpus(device, clock, options);
  const guard = new Guard(await gpus.open(), clock);
  const source = cpu.createSequence();
  await evaluate(source, PROMPT.slice(0, Math.max(1, cached)));
  const tokenNumbers = (await source.readFactors(0, 1)).length;
  source.truncate(cached);
  gpus.calls.length = 0;
  const copy = new GpuCopy(guard, tokenNumbers);
  const finish = (): void => {
    copy.dispose();
    source.dispose();
    guard.dispose();
    assert.equal([gpus.live, clock.timers, gpus.violations], [0, 0, []]);
    assert.is(cpu.network.compute.heap.used, used);
  };
  return { clock, gpus, guard, source, copy, tokenNumbers, finish };
}

test('step(): copies what is missing, evaluates, and brings home logits and factors of the step', async () => {
  const { gpus, source, copy, finish } = await setUp(20);
  const ids = PROMPT.slice(20, 30);
  const { logits, factors } = await copy.step(source, ids, 'all');
  assert.equal(gpus.calls, ['load', 'forward', 'read']);
  assertClose(logits, await source.forward(ids, 'all'), { atol: 1e-4, what: 'logits' });
  assertClose(factors, await source.readFactors(20, 10), { atol: 1e-4, what: 'factors' });
  finish();
});

test('sync(): goes in messages of 256 tokens', async () => {
  const loads: number[] = [];
  const sequence = {
    length: 0,
    loadFactors: async ({ length }: Float32Array) => void loads.push(length),
    dispose() {},
  };
  const lost = new Promise<string>(() => {});
  const gpu = { createSequence: () => sequence, lost, dispose() {} } as unknown as GpuBackend;
  const copy = new GpuCopy(new Guard(gpu, new FakeClock()), 1);
  await copy.sync({ length: 600, readFactors: async (_, count) => new Float32Array(count) });
  assert.equal([loads, copy.length], [[256, 256, 88], 600]);
});

test('commit() and truncate(): only what the CPU changed is copied again', async () => {
  const { gpus, source, copy, finish } = await setUp(20);
  for (const [act, calls] of [
    [() => copy.commit(source.length), ['load', 'forward', 'read']],
    [() => copy.truncate(source.length), ['forward', 'read']],
    [() => copy.truncate(10), ['load', 'forward', 'read']],
    [() => {}, ['load', 'forward', 'read']],
  ] as const) {
    gpus.calls.length = 0;
    const ids = [gpus.opened.length];
    const { factors, logits } = await copy.step(source, ids, 'last');
    const other = source.fork();
    assertClose(logits, await other.forward(ids), { atol: 1e-4, what: 'logits' });
    other.dispose();
    await source.loadFactors(factors);
    assert.equal(gpus.calls, calls);
    act();
  }
  finish();
});

for (const [fault, message] of [
  ['nan-logits', 'the GPU returned invalid logits (not finite, or all zero)'],
  ['zero-logits', 'the GPU returned invalid logits (not finite, or all zero)'],
  ['nan-factors', 'the GPU returned invalid factors (not finite, or too few)'],
  ['short-factors', 'the GPU returned invalid factors (not finite, or too few)'],
] as const) {
  test(`step(): ${fault} are GPU_LOST, and the device is let go`, async () => {
    const plan = { fault, at: 1, isForEver: true };
    const { gpus, source, copy, finish } = await setUp(0, { plan });
    const error = await refused(() => copy.step(source, [1, 2], 'all'), 'GPU_LOST');
    assert.is(error.message, message);
    assert.is(gpus.devices, 0);
    finish();
  });
}

test('step(): what the CPU cannot read costs no device', async () => {
  const { gpus, source, copy, finish } = await setUp(20);
  const step = () => copy.step(source, [1], 'last');
  await withoutMemory(cpu.network.compute.heap, 1, () => refused(step, 'OUT_OF_MEMORY'));
  assert.is(gpus.devices, 1);
  await copy.step(source, [1], 'last');
  finish();
});

test('dispose(): before the first step no sequence is left on the device', async () => {
  const { gpus, source, copy, finish } = await setUp(3);
  copy.dispose();
  await refused(() => copy.step(source, [1], 'last'), 'DISPOSED');
  assert.is(gpus.live, 0);
  finish();
});

test('GpuSide: one copy for each sequence, found again', async () => {
  const { guard, source, tokenNumbers, finish } = await setUp();
  const side = new GpuSide(guard, tokenNumbers);
  assert.is(side.findCopy(source), undefined);
  const made = side.copyOf(source);
  assert.is(side.copyOf(source), made);
  assert.is(side.findCopy(source), made);
  assert.is.not(side.copyOf({}), made);
  finish();
});

test.run();
