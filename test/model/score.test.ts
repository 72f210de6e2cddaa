import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { withoutMemory } from '../helpers/fakes/fake-memory.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { livelyT6, openCpuModel } from '../helpers/models/t6-model.ts';
import { createWitnesses } from '../helpers/sessions/witnesses.ts';
import { logProbabilities } from '../reference/log-probabilities.ts';

const { source, ids: golden } = livelyT6(250);
const vocabSize = 97;
/** More than five chunks of 48. */
const LONG = Array.from({ length: 250 }, (_, i) => golden[(i * 7) % golden.length]!);

for (const simd of BINARIES) {
  const test = suite(`model.score(), ${simd}`);

  test('is the log-softmax of model.logits() at the next token, at every length about a chunk', async () => {
    using model = await loadModel(source, { simd });
    assert.is(model.config.vocabSize, vocabSize);
    for (const length of [2, 3, 16, 17, 18, 48, 49, 50, 97, 98, LONG.length]) {
      const ids = LONG.slice(0, length);
      const logits = await model.logits(ids);
      const expected = logProbabilities(
        logits.subarray(0, (length - 1) * vocabSize),
        ids.slice(1),
        vocabSize,
      );
      const scores = await model.score(ids);
      assert.instance(scores, Float32Array);
      assertClose(scores, expected, { atol: 4e-6, what: `${length} tokens` });
      assertSame(await model.score(Uint16Array.from(ids)), scores, 'typed ids');
    }
    assert.equal(await model.score([3]), new Float32Array(0));
  });

  test.run();
}

const test = suite('model.score()');

test('refuses what is no token ids, no options, or does not fit, before anything is computed', async () => {
  let calls = 0;
  const { model } = await openCpuModel(source, { simd: 'baseline' }, (kernels) => ({
    ...kernels,
    embed: (...args) => {
      calls++;
      kernels.embed(...args);
    },
  }));
  const score = (ids: unknown, options?: unknown) => () =>
    model.score(ids as number[], options as object);
  await assertMistakes([
    [score([]), RangeError, /"ids" expected at least one token id/],
    [score('text'), TypeError, /"ids" expected an array of token ids, got string/],
    [score([1, vocabSize]), RangeError, /"ids\[1\]" expected an integer in 0\.\.96, got 97/],
    [score([1, 0.5]), RangeError, /"ids\[1\]"/],
    [score([1, 2], null), TypeError, /"options" expected an object, got null/],
    [score([1, 2], { signals: 1 }), TypeError, /"signals" is not an option of score.*"signal"/],
    [score([1, 2], { signal: true }), TypeError, /"signal" expected an AbortSignal, got true/],
  ]);
  await refused(score([...LONG, 1]), 'CONTEXT_OVERFLOW', { asked: 251, limit: 250 });
  await refused(score([1, 2], { signal: AbortSignal.abort() }), 'ABORTED', /^scoring was aborted$/);
  assert.is(calls, 0);
  model.dispose();
  await refused(score([1, 2]), 'DISPOSED');
});

test('aborted between two chunks computes no further one and gives its memory back', async () => {
  const controller = new AbortController();
  let chunks = 0;
  const { model } = await openCpuModel(source, { simd: 'baseline' }, (kernels) => ({
    ...kernels,
    embed: (...args) => {
      if (++chunks === 2) controller.abort(new Error('enough'));
      kernels.embed(...args);
    },
  }));
  const { used } = model.memory();
  const error = await refused(
    () => model.score(LONG, { signal: controller.signal }),
    'ABORTED',
    'between chunks',
  );
  assert.is((error.cause as Error).message, 'enough');
  assert.is(chunks, 2);
  assert.is(model.memory().used, used);
});

test('timers run between two chunks', async () => {
  using model = await loadModel(source, { simd: 'baseline' });
  let turns = 0;
  const count = setInterval(() => turns++, 0);
  await model.score(LONG);
  clearInterval(count);
  assert.ok(turns > 0);
});

test('leaves sessions as they were and gives its memory back, whichever allocation fails', async () => {
  const { model, backend } = await openCpuModel(source, { simd: 'baseline' });
  const { heap } = backend.network.compute.engine;
  const witnesses = await createWitnesses(model, golden.slice(0, 60));
  const { used } = model.memory();
  const expected = await model.score(LONG);
  assert.is(model.memory().used, used);
  for (let n = 1; n <= 8; n++) {
    await withoutMemory(heap, n, () => refused(() => model.score(LONG), 'OUT_OF_MEMORY'));
    assert.is(model.memory().used, used, `allocation ${n}`);
  }
  assertSame(await model.score(LONG), expected, 'afterwards');
  await witnesses.isUnchanged();
});

test('a row of logits that is not finite: NONFINITE_LOGITS with its position', async () => {
  let step = 0;
  let bad = -1;
  const { model, backend } = await openCpuModel(
    source,
    { simd: 'baseline' },
    (kernels, engine) => ({
      ...kernels,
      logProbabilities(out, logits, ids, rows, size, ldl) {
        if (bad >= step && bad < step + rows) {
          engine.heap.floats(logits, rows * ldl)[(bad - step) * ldl + size - 1] = Infinity;
        }
        step += rows;
        kernels.logProbabilities(out, logits, ids, rows, size, ldl);
      },
    }),
  );
  const { used } = model.memory();
  const expected = await model.score(LONG);
  for (bad of [0, 15, 16, 47, 48, 100, LONG.length - 2]) {
    step = 0;
    const message = `the logits at position ${bad} are not finite`;
    await refused(() => model.score(LONG), 'NONFINITE_LOGITS', new RegExp(`^${message}$`), {
      step: bad,
    });
    assert.is(model.memory().used, used);
    assert.is(backend.network.compute.engine.heap.used, used);
  }
  bad = -1;
  assertSame(await model.score(LONG), expected, 'afterwards');
});

test('a trap: KERNEL_TRAP, nothing kept', async () => {
  let isTrapped = true;
  const { model } = await openCpuModel(source, { simd: 'baseline' }, (kernels) => ({
    ...kernels,
    logProbabilities(...args) {
      if (isTrapped) throw new WebAssembly.RuntimeError('by plan');
      kernels.logProbabilities(...args);
    },
  }));
  const { used } = model.memory();
  await refused(() => model.score(LONG), 'KERNEL_TRAP');
  assert.is(model.memory().used, used);
  isTrapped = false;
  assert.is((await model.score(LONG)).length, LONG.length - 1);
});

test('disposing the model in the middle: DISPOSED', async () => {
  const model = await loadModel(source, { simd: 'baseline' });
  const running = model.score(LONG);
  model.dispose();
  await refused(() => running, 'DISPOSED');
});

test.run();
