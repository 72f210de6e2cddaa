import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { withoutMemory } from '../helpers/fakes/fake-memory.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { livelyT6, openCpuModel } from '../helpers/models/t6-model.ts';
import { greedy } from '../helpers/sessions/sessions.ts';
import { createWitnesses } from '../helpers/sessions/witnesses.ts';
import { logProbabilities } from '../reference/log-probabilities.ts';

/** One of each kind of memory: pages, states, latents, tables of all positions, windows. */
const NAMES = ['tpa', 'linear-gqa', 'linear-tpa', 'mla', 'tpa-shared-b', 'qwen2-window'];
const random = createRandom(77);
const ids = Array.from({ length: 160 }, () => random.integer(0, 60));
const { source } = livelyT6(100);

const nothing = (): void => {};

const test = suite('session.score()');

for (const name of NAMES) {
  test(`${name}: the log-softmax of model.logits() after the tokens of the session, which stays as it was`, async () => {
    const variant = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS].find((each) => each.name === name)!;
    using model = await loadModel(variant.build().source, { simd: 'baseline' });
    const { vocabSize } = model.config;
    const logits = await model.logits(ids);
    for (const held of [0, 1, 47, 48, 96, 120]) {
      const witnesses = held > 0 ? await createWitnesses(model, ids.slice(0, held)) : undefined;
      const session = witnesses?.session ?? model.createSession();
      assert.equal(await session.score([3]), new Float32Array(0));
      for (const length of [2, 3, 30, ids.length - held]) {
        const following = ids.slice(held, held + length);
        const found = await session.score(following);
        const rows = logits.subarray(held * vocabSize, (held + length - 1) * vocabSize);
        const expected = logProbabilities(rows, following.slice(1), vocabSize);
        assertClose(found, expected, { atol: 4e-5, what: `${length} after ${held}` });
        assertSame(await session.score(following), found, 'again');
      }
      await witnesses?.isUnchanged();
      witnesses?.dispose();
    }
  });
}

test('a sampled token that was not evaluated, and tokens that a truncation has brought back, count', async () => {
  for (const { source: weights } of [
    livelyT6(200),
    MECHANISM_VARIANTS.find(({ name }) => name === 'linear-tpa')!.build(),
  ]) {
    using model = await loadModel(weights, { simd: 'baseline' });
    using session = model.createSession();
    await greedy(session, ids.slice(0, 60), 5);
    const after = [...session.tokens, 7, 8, 9];
    const whole = await model.score(after);
    assertClose(await session.score([7, 8, 9]), whole.subarray(-2), {
      atol: 2e-5,
      what: 'pending',
    });
    session.truncate(50);
    assertClose(await session.score(after.slice(50)), whole.subarray(50), {
      atol: 2e-5,
      what: 'truncated',
    });
    assert.equal(session.tokens, after.slice(0, 50));
  }
});

test('refuses mistakes and what does not fit; the last id needs no room', async () => {
  using model = await loadModel(source, { simd: 'baseline' });
  using session = model.createSession();
  await session.prefill(ids.slice(0, 90));
  const score = (given: unknown, options?: unknown) => () =>
    session.score(given as number[], options as object);
  await assertMistakes([
    [score([]), RangeError, /"ids" expected at least one token id, got none/],
    [score('text'), TypeError, /"ids" expected an array of token ids, got string/],
    [score([97]), RangeError, /"ids\[0\]" expected an integer in 0\.\.96, got 97/],
    [score([1], null), TypeError, /"options" expected an object, got null/],
    [score([1], { sginal: 1 }), TypeError, /"sginal" is not an option of score.*"signal"/],
    [score([1], { signal: 1 }), TypeError, /"signal" expected an AbortSignal, got 1/],
  ]);
  assert.is((await session.score(ids.slice(0, 11))).length, 10);
  await refused(score(ids.slice(0, 12)), 'CONTEXT_OVERFLOW', { asked: 101, limit: 100 });
  await refused(score([1, 2], { signal: AbortSignal.abort() }), 'ABORTED', /^scoring was aborted$/);
  const running = session.score(ids.slice(0, 5));
  await refused(score([1, 2]), 'SESSION_BUSY');
  await running;
  assert.is(session.length, 90);
  session.dispose();
  await refused(score([1, 2]), 'DISPOSED');
});

test('ended by a signal, by disposing the session or for want of memory: no session changed, nothing kept', async () => {
  let chunks = 0;
  let act = nothing;
  const { model, backend } = await openCpuModel(
    livelyT6(250).source,
    { simd: 'baseline' },
    (kernels) => ({
      ...kernels,
      embed: (...args) => {
        if (++chunks === 2) act();
        kernels.embed(...args);
      },
    }),
  );
  const { heap } = backend.network.compute.engine;
  const witnesses = await createWitnesses(model, ids.slice(0, 60));
  const { session } = witnesses;
  const { used } = model.memory();
  const controller = new AbortController();
  chunks = 0;
  act = () => controller.abort();
  await refused(() => session.score(ids, { signal: controller.signal }), 'ABORTED');
  assert.is(chunks, 2);
  act = nothing;
  for (let n = 1; n <= 8; n++) {
    await withoutMemory(heap, n, () => refused(() => session.score(ids), 'OUT_OF_MEMORY'));
    assert.is(model.memory().used, used, `allocation ${n}`);
  }
  await witnesses.isUnchanged();
  using doomed = session.fork();
  chunks = 0;
  act = () => doomed.dispose();
  await refused(() => doomed.score(ids), 'DISPOSED');
  assert.is(chunks, 2);
  assert.is(model.memory().used, used);
});

test.run();
