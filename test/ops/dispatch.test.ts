import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { thresholdOf } from '../../src/ops/figures.ts';
import { TpaError } from '../../src/base/errors.ts';
import { type FakeOpGpu, openFakeRuntime, type Spoil } from '../helpers/gpu/fake-op-gpu.ts';
import {
  inputOf,
  sameAttention,
  sameFactors,
  setUpOps as setUp,
  SPEC,
  WEIGHTS,
} from '../helpers/gpu/op-runtime.ts';
import { refused } from '../helpers/checks/refused.ts';
import { settle, until } from '../helpers/fakes/silence.ts';

const test = suite('OpDispatch');

test('thresholdOf(): where both take as long; Infinity where the GPU is slower or no faster', () => {
  assert.is(thresholdOf({ tripMs: 2, gpuMsPerMac: 1, cpuMsPerMac: 5 }), 0.5);
  assert.is(thresholdOf({ tripMs: 0, gpuMsPerMac: 1, cpuMsPerMac: 2 }), 0);
  assert.is(thresholdOf({ tripMs: 2, gpuMsPerMac: 1, cpuMsPerMac: 1 }), Infinity);
  assert.is(thresholdOf({ tripMs: 2, gpuMsPerMac: 2, cpuMsPerMac: 1 }), Infinity);
});

test("'webgpu': opened at start, and every operation is the GPU's, the smallest too", async () => {
  const all = await setUp();
  const [gpu] = all.gpus as [FakeOpGpu];
  gpu.calls.length = 0;
  await sameFactors(all, inputOf(1));
  await sameAttention(all, all.cache, all.factors);
  assert.equal(gpu.calls, ['factorize', 'attend 9']);
  const { backend, backendReason, gpu: about } = all.runtime.info();
  assert.equal([backend, backendReason], ['webgpu', 'asked for']);
  assert.equal(about, {
    adapter: 'fake',
    isSoftware: false,
    version: '1.30.0',
    thresholdMacs: 0,
    losses: 0,
  });
  all.runtime.dispose();
  assert.is(gpu.disposals, 1);
});

test("'webgpu' without a GPU: start() throws the reason", async () => {
  const fake = await openFakeRuntime('webgpu');
  fake.opening = () => {
    throw new TpaError('BACKEND_UNAVAILABLE', 'npm i onnxruntime-web');
  };
  const error = await refused(() => fake.dispatch.start(), 'BACKEND_UNAVAILABLE');
  assert.is(error.message, 'npm i onnxruntime-web');
  const other = await openFakeRuntime('webgpu');
  await sameFactors(other);
  await settle();
  assert.is(other.gpus.length, 0, 'nothing is opened that was not started');
  assert.is(fake.clock.timers, 0);
});

test('a GPU that computes something else is refused, closed, and never opened again', async () => {
  const spoils: Spoil[] = [
    (found) => found.map((x) => x * 1.01),
    (found) => found.subarray(1),
    (found) => found.toReversed(),
  ];
  for (const spoil of spoils) {
    const fake = await openFakeRuntime('auto');
    fake.opening = (gpu) => (gpu.spoil = spoil);
    await sameFactors(fake);
    await settle();
    const { backend, backendReason } = fake.dispatch.info();
    assert.is(backend, 'wasm');
    assert.match(backendReason, /^the GPU computes (factors|attention) wrong: off by/);
    assert.is(fake.gpus[0]!.disposals, 1);
    fake.clock.advance(1e9);
    await sameFactors(fake);
    assert.is(fake.gpus.length, 1);
  }
});

test("'auto': opened in the background at the first operation, which is the CPU's", async () => {
  const all = await setUp('auto', 50);
  // a trip of 2 ms, and 8 more for the 256 tokens that are measured
  all.opening = (gpu) => {
    gpu.work = (_kind, tokens) => all.clock.advance(tokens > 200 ? 10 : 2);
  };
  all.runtime.factorize(inputOf(1), WEIGHTS, SPEC, 0);
  assert.is(all.gpus.length, 0, 'not for what is not asynchronous');
  assert.is(all.runtime.info().backendReason, 'no operation was worth a GPU yet');
  await sameFactors(all);
  assert.is(all.gpus.length, 1);
  await until(() => all.runtime.info().gpu !== undefined);
  const { backend, backendReason, gpu: about } = all.runtime.info();
  assert.is(backend, 'webgpu');
  assert.match(backendReason, /^measured faster from \d+ multiply-adds on$/);
  // the CPU takes 50 ms for what the GPU takes 8 ms and a trip for
  const { tripMs, gpuMsPerMac } = about!.figures!;
  assert.is(tripMs, 2);
  const expected = (2 / 42) * (8 / gpuMsPerMac);
  assert.ok(Math.abs(about!.thresholdMacs! - expected) < 1);
  const [{ calls }] = all.gpus as [FakeOpGpu];
  calls.length = 0;
  const perToken = SPEC.dim * (6 + 16 + 6 + 16 + 6 + 16);
  const tokens = Math.ceil(about!.thresholdMacs! / perToken);
  await sameFactors(all, inputOf(tokens - 1));
  assert.equal(calls, [], 'too small to be worth it');
  await sameFactors(all, inputOf(tokens));
  assert.equal(calls, ['factorize']);
});

test("'auto': a GPU that is slower is not used, and that is said", async () => {
  const fake = await openFakeRuntime('auto', 50);
  fake.opening = (gpu) => {
    gpu.work = (_kind, tokens) => fake.clock.advance(tokens > 200 ? 80 : 2);
  };
  await sameFactors(fake);
  await until(() => fake.runtime.info().gpu !== undefined);
  const calls = fake.gpus[0]!.calls.length;
  await sameFactors(fake, inputOf(2000));
  assert.is(fake.gpus[0]!.calls.length, calls);
  const { backend, backendReason, gpu } = fake.runtime.info();
  assert.equal([backend, gpu!.thresholdMacs], ['wasm', null]);
  assert.is(backendReason, 'the CPU was measured faster than fake');
});

test('after a loss the next GPU is opened when it is due, and gets all of a cache again', async () => {
  const all = await setUp();
  await sameAttention(all, all.cache, all.factors);
  all.gpus[0]!.lose('unplugged');
  await settle();
  await sameFactors(all);
  assert.is(all.gpus.length, 1, 'not at once');
  all.clock.advance(1000);
  await sameFactors(all);
  await until(() => all.runtime.info().backend === 'webgpu');
  const second = all.gpus[1]!;
  second.calls.length = 0;
  await sameAttention(all, all.cache, all.factors);
  assert.equal(second.calls, ['attend 9']);
  assert.is(all.runtime.info().gpu!.losses, 1);
  all.runtime.dispose();
  await settle();
  assert.equal([second.disposals, all.gpus.length, all.clock.timers], [1, 2, 0]);
});

test('a copy follows append() and truncate(), in forks too, and goes with its cache', async () => {
  const all = await setUp();
  const { cache, factors, runtime } = all;
  const [gpu] = all.gpus as [FakeOpGpu];
  const fresh = () => runtime.factorize(inputOf(4), WEIGHTS, SPEC, 0);
  const forgotten = gpu.forgotten;
  gpu.calls.length = 0;
  await sameAttention(all, cache, factors);
  cache.append(fresh());
  await sameAttention(all, cache, factors);
  cache.truncate(7);
  cache.append(fresh());
  cache.append(fresh()); // longer than before, other tokens
  await sameAttention(all, cache, factors);
  const fork = cache.fork();
  fork.truncate(2);
  fork.append(fresh());
  await sameAttention(all, fork, factors);
  await sameAttention(all, cache, factors);
  assert.equal(gpu.calls, ['attend 9', 'attend 4', 'attend 8', 'attend 6', 'attend 0']);
  fork.dispose();
  assert.equal([gpu.forgotten - forgotten, gpu.copies], [1, 1]);
  const unused = runtime.createFactorCache(SPEC);
  unused.dispose();
  assert.is(gpu.forgotten - forgotten, 1, 'there was no copy of it');
  await refused(() => runtime.attendAsync(factors, fork), 'DISPOSED');
  runtime.dispose();
  await refused(() => runtime.factorizeAsync(inputOf(1), WEIGHTS, SPEC, 0), 'DISPOSED');
});

test.run();
