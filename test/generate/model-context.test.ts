import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { assertCost } from '../helpers/checks/cost.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { greedy, readAll } from '../helpers/sessions/sessions.ts';
import { talkingT6 } from '../helpers/sessions/talking-t6.ts';
import { livelyT6 } from '../helpers/models/t6-model.ts';

const row = livelyT6(64).ids;
/** Enough for a page and more. */
const ids = [...row, ...row];
const open = (contextLength: number) =>
  loadModel(livelyT6(contextLength).source, { simd: 'baseline' });

const test = suite('the end of a real context');

// less than a cache page, exactly one (96 tokens, two chunks), one more
for (const limit of [20, 96, 97]) {
  test(`context ${limit}: prompts of ${limit - 1}, ${limit}, ${limit + 1} tokens`, async () => {
    using model = await open(limit);
    using wide = await open(2 * limit);
    const prompt = ids.slice(0, limit + 1);

    using almost = model.createSession();
    const generation = await readAll(almost.generate(prompt.slice(0, -2), { temperature: 0 }));
    using control = wide.createSession();
    const expected = await greedy(control, prompt.slice(0, -2), 1);
    assert.equal(generation.tokens, expected);
    assert.is(generation.finishReason, 'context_full');
    assert.equal(almost.tokens, [...prompt.slice(0, -2), ...expected]);

    using full = model.createSession();
    const nothing = await readAll(full.generate(prompt.slice(0, -1), { temperature: 0 }));
    assert.equal([nothing.finishReason, nothing.tokens], ['context_full', []]);

    using over = model.createSession();
    const error = await refused(() => readAll(over.generate(prompt)), 'CONTEXT_OVERFLOW');
    assert.equal(error.data, { asked: limit + 1, limit });
    await refused(() => over.prefill(prompt), 'CONTEXT_OVERFLOW');
    await refused(() => model.logits(prompt), 'CONTEXT_OVERFLOW');
    assert.is(over.length, 0);

    for (const session of [almost, full]) {
      const before = session.tokens;
      assert.is(session.length, limit);
      await refused(() => session.decode(1), 'CONTEXT_OVERFLOW');
      const again = await readAll(session.generate([], { temperature: 0 }));
      assert.equal([again.finishReason, again.tokens], ['context_full', []]);
      assert.equal(session.tokens, before);
      session.truncate(limit - 5);
      using fresh = wide.createSession();
      assert.equal(await greedy(session, [], 9), await greedy(fresh, before.slice(0, -5), 5));
      assert.is(session.length, limit);
    }
    assert.is((await model.logits(prompt.slice(0, limit))).length, limit * 97);
  });
}

test('a hopeless prompt is refused before it is copied, and the conversation goes on', async () => {
  using model = await loadModel(talkingT6());
  using session = model.createSession();
  const start = await greedy(session, [1, 2, 3], 4);
  using control = session.fork();
  const hopeless = new Uint8Array(5e7); // 3.7 s to copy into an array
  const { vocabSize, contextLength } = model.config;
  const long = new Uint16Array(contextLength - 6);
  const refuseAll = async (): Promise<void> => {
    await refused(() => session.prefill(long), 'CONTEXT_OVERFLOW');
    await refused(() => readAll(session.generate(long)), 'CONTEXT_OVERFLOW');
    await refused(() => session.prefill(hopeless), 'CONTEXT_OVERFLOW');
    await refused(() => readAll(session.generate(hopeless)), 'CONTEXT_OVERFLOW');
    await refused(() => model.logits(hopeless), 'CONTEXT_OVERFLOW');
    await refused(() => readAll(session.generate('Once upon '.repeat(400))), 'CONTEXT_OVERFLOW');
    await refused(() => session.generate('a'.repeat(1e7)), 'PROMPT_TOO_LONG');
  };
  await assertCost({
    what: 'seven refusals', // a tenth of the control; to copy one takes thirty
    control: async () => {
      using reader = model.createSession();
      await reader.prefill(long);
    },
    work: refuseAll,
    factor: 10,
  });
  assert.equal(session.tokens, [1, 2, 3, ...start]);
  assert.equal(await greedy(session, [], 8), await greedy(control, [], 8));
  assert.is((await session.decode(vocabSize - 1)).length, vocabSize);
});

test('model.logits() takes typed arrays, and refuses what no token id is', async () => {
  using model = await open(64);
  const plain = await model.logits([1, 2, 96]);
  for (const Kind of [Uint8Array, Int16Array, Uint32Array, Float32Array, Float64Array]) {
    assert.equal(await model.logits(Kind.of(1, 2, 96)), plain);
  }
  const bad: [unknown, ErrorConstructor, RegExp][] = [
    [[], RangeError, /^"ids" expected at least one token id, got none$/],
    [new Uint8Array(), RangeError, /at least one/],
    [[1, 97], RangeError, /^"ids\[1\]" expected an integer in 0\.\.96, got 97$/],
    [[-1], RangeError, /got -1$/],
    [[0.5], RangeError, /got 0\.5$/],
    [[NaN], RangeError, /got NaN$/],
    [[2 ** 32], RangeError, /got 4294967296$/],
    [Float32Array.of(NaN), RangeError, /got NaN$/],
    [['1'], TypeError, /got string$/],
    [Array.from({ length: 3 }), TypeError, /got undefined$/],
    [BigInt64Array.of(1n), TypeError, /got bigint$/],
    ['12', TypeError, /^"ids" expected an array of token ids, got string$/],
    [null, TypeError, /got null$/],
    [undefined, TypeError, /got undefined$/],
    [7, TypeError, /got 7$/],
    [new Set([1]), TypeError, /got Set$/],
    [new DataView(new ArrayBuffer(4)), TypeError, /got DataView$/],
  ];
  const used = model.memory().used;
  await assertMistakes(
    bad.map(([given, kind, message]) => [() => model.logits(given as number[]), kind, message]),
  );
  assert.is(model.memory().used, used);
});

test.run();
