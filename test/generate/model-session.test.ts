import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model } from '../../src/index.ts';
import { integers, loadGolden } from '../helpers/checks/golden.ts';
import { greedy, readAll, refusesCalls } from '../helpers/sessions/sessions.ts';
import { livelyT6 } from '../helpers/models/t6-model.ts';

/** Tokens of a control generation. */
const COUNT = 20;
const { source: tiny, ids } = livelyT6(250);
const SHIPPED = fileURLToPath(new URL('../../models/t6-fairytales/', import.meta.url));

const MODELS = {
  // prompts of 92 cross the border of a cache page with their first tokens
  tiny: { source: tiny, prompt: [...ids, ...ids].slice(0, 92) },
  shipped: { source: SHIPPED, prompt: [...integers(loadGolden('shipped_t6'), 'ids')].slice(0, 92) },
};

for (const [name, { source, prompt }] of Object.entries(MODELS)) {
  const test = suite<{ model: Model; control: number[] }>(`sessions of a real model, ${name}`);

  test.before(async (context) => {
    context.model = await loadModel(source, { simd: 'baseline' });
    using session = context.model.createSession();
    context.control = await greedy(session, prompt, COUNT);
    assert.ok(new Set(context.control).size > COUNT / 3, `too dull: ${context.control}`);
  });
  test.after(({ model }) => model.dispose());

  test('aborted after each number of tokens, the rest equals the control', async ({
    model,
    control,
  }) => {
    for (let n = 0; n < COUNT; n++) {
      using session = model.createSession();
      const controller = new AbortController();
      if (n === 0) controller.abort();
      const { signal } = controller;
      const generation = session.generate(prompt, { temperature: 0, maxTokens: COUNT, signal });
      for await (const _ of generation) if (generation.tokens.length === n) controller.abort();
      assert.is(generation.finishReason, 'abort');
      assert.equal(session.tokens, n === 0 ? [] : [...prompt, ...control.slice(0, n)]);
      const rest = await greedy(session, n === 0 ? prompt : [], COUNT - n);
      assert.equal(rest, control.slice(n), `aborted after ${n}`);
    }
  });

  test('left after each number of tokens, the rest equals the control', async ({
    model,
    control,
  }) => {
    for (let n = 1; n < COUNT; n++) {
      using session = model.createSession();
      const generation = session.generate(prompt, { temperature: 0 });
      for await (const _ of generation) if (generation.tokens.length === n) break;
      assert.is(generation.finishReason, 'abort');
      assert.equal(await greedy(session, [], COUNT - n), control.slice(n), `left after ${n}`);
    }
  });

  test('aborted between two chunks of the prompt, nothing is kept', async ({ model, control }) => {
    using session = model.createSession();
    const controller = new AbortController();
    const long = [...prompt, ...prompt];
    const generation = session.generate(long, { temperature: 0, signal: controller.signal });
    const reading = readAll(generation);
    setImmediate(() => controller.abort()); // runs after the first chunk, before the second
    await reading;
    assert.is(generation.finishReason, 'abort');
    assert.equal([session.length, session.byteLength, generation.tokens], [0, 0, []]);
    assert.equal(await greedy(session, prompt, COUNT), control);
  });

  test('forked after n tokens, both go on like sessions of their own', async ({
    model,
    control,
  }) => {
    for (const n of [1, 3, 4, 5, 12]) {
      using left = model.createSession();
      await greedy(left, prompt, n);
      using right = left.fork();
      assert.equal(right.tokens, left.tokens);
      const turn = [7, 8, 9];
      const [other, same] = [await greedy(right, turn, 5), await greedy(left, [], COUNT - n)];
      assert.equal(same, control.slice(n));
      using plain = model.createSession();
      assert.equal(other, await greedy(plain, [...prompt, ...control.slice(0, n), ...turn], 5));
      left.dispose();
      await right.decode(1);
      await plain.decode(1);
      assert.equal(await greedy(right, [], 3), await greedy(plain, [], 3));
    }
  });

  test('truncated to each length, generating again equals the control', async ({
    model,
    control,
  }) => {
    using session = model.createSession();
    await greedy(session, prompt, COUNT);
    for (let n = COUNT - 1; n >= 0; n--) {
      session.truncate(prompt.length + n);
      assert.equal(await greedy(session, [], COUNT - n), control.slice(n), `from ${n}`);
    }
    session.truncate(0);
    assert.equal(await greedy(session, prompt, COUNT), control);
  });

  test('two sessions read token by token in turn do not meet', async ({ model, control }) => {
    const reversed = prompt.toReversed();
    using alone = model.createSession();
    const expected = await greedy(alone, reversed, COUNT);
    assert.not.equal(expected, control);
    using first = model.createSession();
    using second = model.createSession();
    const a = first.generate(prompt, { temperature: 0, maxTokens: COUNT });
    const b = second.generate(reversed, { temperature: 0, maxTokens: COUNT });
    const [readA, readB] = [a[Symbol.asyncIterator](), b[Symbol.asyncIterator]()];
    for (let t = 0; t < COUNT; t++) {
      await readA.next();
      await readB.next();
      await model.logits([t]);
    }
    assert.equal([a.tokens, b.tokens], [control, expected]);
    using third = model.createSession();
    using fourth = model.createSession();
    const both = [greedy(third, prompt, COUNT), greedy(fourth, reversed, COUNT)];
    assert.equal(await Promise.all(both), [control, expected]);
  });

  test('SESSION_BUSY for every call while one runs, which then equals the control', async ({
    model,
    control,
  }) => {
    using session = model.createSession();
    const generation = session.generate(prompt, { temperature: 0, maxTokens: COUNT });
    for await (const _ of generation) {
      if (generation.tokens.length === COUNT) break; // the last token frees the session
      await refusesCalls(session, 'SESSION_BUSY');
    }
    assert.equal(generation.tokens, control);
    const pending = session.prefill([1, 2, 3]);
    await refusesCalls(session, 'SESSION_BUSY');
    await pending;
    assert.is(session.length, prompt.length + COUNT + 3);
  });

  test('the same seed gives the same tokens again and in a fresh model; another seed does not', async ({
    model,
  }) => {
    const tokens = await sample(model, prompt, 7);
    assert.equal(await sample(model, prompt, 7), tokens);
    using fresh = await loadModel(source, { simd: 'baseline' });
    await sample(fresh, prompt, 1);
    assert.equal(await sample(fresh, prompt, 7), tokens);
    assert.not.equal(await sample(model, prompt, 8), tokens);
  });

  test.run();
}

async function sample(model: Model, prompt: readonly number[], seed: number): Promise<number[]> {
  using session = model.createSession();
  const options = { temperature: 0.9, topP: 0.95, seed, maxTokens: 40 };
  const generation = await readAll(session.generate(prompt, options));
  return generation.tokens;
}
