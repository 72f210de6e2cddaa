import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TpaError } from '../../src/base/errors.ts';
import type { FakeOpGpu, FakeRuntime, Spoil } from '../helpers/gpu/fake-op-gpu.ts';
import {
  sameAttention,
  sameFactors,
  setUpOps as setUp,
  SPEC,
  WEIGHTS,
} from '../helpers/gpu/op-runtime.ts';
import { never, settle, withoutUnhandled } from '../helpers/fakes/silence.ts';

const test = suite('OpDispatch, faults of the GPU');

const FAULTS: Record<string, { spoil: Spoil; reason: RegExp; after?: (all: FakeRuntime) => void }> =
  {
    'a NaN': {
      spoil: (found) => found.with(found.length - 1, NaN),
      reason:
        /^the GPU returned an invalid result of (factorize|attend) \(not finite, or all zero\)$/,
    },
    zeros: { spoil: (found) => found.fill(0), reason: /all zero\)$/ },
    'a rejection': { spoil: () => Promise.reject(new Error('OrtRun')), reason: /OrtRun/ },
    'no memory': {
      spoil: () => Promise.reject(new TpaError('GPU_OUT_OF_MEMORY', 'no memory')),
      reason: /^no memory$/,
    },
    'a loss': {
      spoil: never,
      reason: /^unplugged$/,
      after: ({ gpus }) => gpus[0]!.lose('unplugged'),
    },
    'no end': {
      spoil: never,
      reason:
        /^the GPU did not answer an? (factorize|attend) of 2\^\d+ multiply-adds call within 60 s/,
      after: ({ clock }) => clock.advance(60_000),
    },
  };

for (const [name, { spoil, reason, after }] of Object.entries(FAULTS)) {
  for (const kind of ['factorize', 'attend'] as const) {
    test(`${name} of ${kind}: the CPU's result, the reason in info(), the GPU is let go`, () =>
      withoutUnhandled(async () => {
        const all = await setUp();
        const [gpu] = all.gpus as [FakeOpGpu];
        gpu.spoil = spoil;
        const computing =
          kind === 'factorize' ? sameFactors(all) : sameAttention(all, all.cache, all.factors);
        await settle();
        after?.(all);
        await computing;
        const { backend, backendReason } = all.runtime.info();
        assert.is(backend, 'wasm');
        assert.match(backendReason, reason);
        assert.equal([gpu.disposals, all.clock.timers], [1, 0]);
        const calls = gpu.calls.length;
        await sameAttention(all, all.cache, all.factors);
        assert.is(gpu.calls.length, calls, 'nobody asks it again');
      }));
  }
}

test('zeros of zeros, and sums that overflow, are no fault of the GPU', async () => {
  const all = await setUp();
  await sameFactors(all, new Float32Array(2 * SPEC.dim));
  await sameFactors(all, new Float32Array(2 * SPEC.dim).fill(3e38)); // sums overflow
  const cache = all.runtime.createFactorCache(SPEC);
  const zeros = all.runtime.factorize(new Float32Array(SPEC.dim), WEIGHTS, SPEC, 0);
  cache.append(zeros);
  await sameAttention(all, cache, all.factors);
  assert.is(all.runtime.info().backend, 'webgpu');
  assert.is(all.gpus[0]!.disposals, 0);
});

test.run();
