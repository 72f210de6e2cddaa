import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GpuBackend } from '../../../src/backend/backend.ts';
import { GpuCopy } from '../../../src/backend/dispatch/gpu-copy.ts';
import { Guard } from '../../../src/device/guard.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { FakeClock } from '../../helpers/fakes/fake-clock.ts';

const test = suite('GpuCopy');

/** A copy on a GPU whose only sequence this is; a token has one number. */
function copyOn(sequence: object) {
  let disposals = 0;
  const gpu = {
    vocabSize: 2,
    maxChunk: 8,
    lost: new Promise<string>(() => {}),
    createSequence: () => ({ dispose() {}, ...sequence }),
    dispose: () => void disposals++,
  };
  const copy = new GpuCopy(new Guard(gpu as unknown as GpuBackend, new FakeClock()), 1);
  return { copy, disposals: () => disposals };
}

/** The CPU's side, of so many tokens. */
const sourceOf = (length: number) => ({
  length,
  readFactors: async (_: number, count: number) => new Float32Array(count),
});

test('sync(): goes in messages of 256 tokens', async () => {
  const loads: number[] = [];
  const loadFactors = async ({ length }: Float32Array) => void loads.push(length);
  const { copy } = copyOn({ length: 0, loadFactors });
  await copy.sync(sourceOf(600));
  assert.equal([loads, copy.length], [[256, 256, 88], 600]);
});

for (const [what, logits, factors, told] of [
  ['logits of NaN', [1, NaN], [1], 'logits (not finite, or all zero)'],
  ['logits of zero', [0, 0], [1], 'logits (not finite, or all zero)'],
  ['factors of NaN', [1, 0], [NaN], 'factors (not finite, or too few)'],
  ['too few factors', [1, 0], [], 'factors (not finite, or too few)'],
] as const) {
  test(`step(): ${what} are GPU_LOST, and the device is let go`, async () => {
    const { copy, disposals } = copyOn({
      length: 0,
      forward(this: { length: number }) {
        this.length = 1;
        return Promise.resolve(Float32Array.from(logits));
      },
      readFactors: async () => Float32Array.from(factors),
    });
    const error = await refused(() => copy.step(sourceOf(0), [1], 'last'), 'GPU_LOST');
    assert.is(error.message, `the GPU returned invalid ${told}`);
    assert.is(disposals(), 1);
  });
}

test.run();
