import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model } from '../../src/index.ts';
import { integers, loadGolden } from '../helpers/checks/golden.ts';
import { greedy, readAll } from '../helpers/sessions/sessions.ts';
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
