import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRuntime, loadModel, type Generation, type Model } from '../../src/index.ts';
import { collectOnce, collectUntil } from '../helpers/checks/collect.ts';
import { openOn, openSmall, PROMPT } from '../helpers/gpu/dispatch-scenario.ts';
import { sameAttention, setUpOps } from '../helpers/gpu/op-runtime.ts';
import { greedy } from '../helpers/sessions/sessions.ts';
import { factorsOf } from '../helpers/sessions/tokens.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { livelyT6 } from '../helpers/models/t6-model.ts';

const { source, ids } = livelyT6(250);
const prompt = ids.slice(0, 20).map((id) => id % 60);

const test = suite('sessions and caches that a program forgot');

/** Sessions in every state, and forks, of which nothing is kept. */
async function forgetSessions(model: Model, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const session = model.createSession();
    if (i % 5 > 0) await session.prefill(prompt);
    if (i % 5 > 1) await session.fork().prefill([1, 2]);
    if (i % 5 === 3) session.fork().dispose();
    const generation = session.generate([1], { maxTokens: 3 });
    if (i % 5 === 4) await generation[Symbol.asyncIterator]().next(); // left in the middle
  }
}

test('1,000 sessions: not a byte is kept, and those in use go on', async () => {
  const sources = [source, mechanismVariant('mla').build().source];
  for (const each of [...sources, mechanismVariant('linear-gqa').build().source]) {
    using model = await loadModel(each, { simd: 'baseline', backend: 'wasm' });
    using kept = model.createSession();
    await kept.prefill(prompt);
    const { used } = model.memory();
    await forgetSessions(model, 400);
    assert.ok(model.memory().used > used);
    await collectUntil(() => model.memory().used <= used);
    assert.is(model.memory().used, used);
    using control = model.createSession();
    await control.prefill(prompt);
    assert.equal(await greedy(kept, [], 8), await greedy(control, [], 8));
  }
});

test('a fork keeps the pages that it shares with what was forgotten', async () => {
  using model = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
  const forkOf = async () => {
    const session = model.createSession();
    await session.prefill([...prompt, ...prompt]);
    return session.fork();
  };
  const before = model.memory().used;
  using control = await forkOf();
  const expected = await greedy(control, [], 8);
  control.dispose();
  await collectUntil(() => model.memory().used <= before);
  const { used } = model.memory();
  using fork = await forkOf();
  for (let i = 0; i < 3; i++) await collectOnce();
  assert.equal(await greedy(fork, [], 8), expected);
  fork.dispose();
  assert.is(model.memory().used, used);
});

test('a call that runs and a generation that is not read to its end keep their session', async () => {
  using model = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
  const { used } = model.memory();
  const long = [...prompt, ...prompt, ...prompt, ...prompt, ...prompt];
  using control = model.createSession();
  const logits = await control.prefill(long);
  const expected = await greedy(control, [], 6);
  control.dispose();
  const running = model.createSession().prefill(long);
  for (let i = 0; i < 3; i++) await collectOnce();
  assert.equal(await running, logits);

  const generate = (): Generation =>
    model.createSession().generate(long, { temperature: 0, maxTokens: 6 });
  const unread = generate();
  assert.equal(await readSlowly(generate()), expected);
  assert.equal(await readSlowly(unread), expected);
  // a generation that was read keeps nothing
  await collectUntil(() => model.memory().used <= used);
  assert.is(model.memory().used, used);
  assert.is(unread.finishReason, 'length');
});

test('model.dispose() disposes of the sessions alive, and then nothing is freed twice', async () => {
  const model = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
  await forgetSessions(model, 10);
  const session = model.createSession();
  model.dispose();
  for (let i = 0; i < 3; i++) await collectOnce();
  assert.throws(() => session.fork(), /disposed/);
});

test('copies on a GPU go too', async () => {
  const { gpus, model } = await openOn(await openSmall(), await openSmall());
  using kept = model.createSession();
  await kept.prefill(PROMPT);
  const { live } = gpus;
  await forgetSessions(model, 20);
  assert.ok(gpus.live > live);
  await collectUntil(() => gpus.live === live);
  assert.equal([gpus.live, gpus.violations], [live, []]);
});

test('factor caches and their forks: not a byte is kept, here and on a GPU', async () => {
  using runtime = await createRuntime({ simd: 'baseline', backend: 'wasm' });
  const spec = { heads: 3, headDim: 8, valueDim: 8, rankK: 2, rankV: 2 };
  const cacheOf = () => {
    const cache = runtime.createFactorCache(spec);
    cache.append(factorsOf([1, 2, 3], spec));
    return cache;
  };
  using kept = cacheOf();
  const { used } = runtime.memory();
  for (let i = 0; i < 500; i++)
    cacheOf()
      .fork()
      .append(factorsOf([4], spec));
  assert.ok(runtime.memory().used > used);
  await collectUntil(() => runtime.memory().used <= used);
  assert.is(runtime.memory().used, used);
  assert.is(kept.length, 3);

  const fake = await setUpOps();
  const forget = async () => sameAttention(fake, fake.cache.fork(), fake.factors);
  await forget();
  const { forgotten } = fake.gpus[0]!;
  await collectUntil(() => fake.gpus[0]!.forgotten > forgotten);
  assert.is(fake.gpus[0]!.forgotten, forgotten + 1);
  assert.is(fake.cache.length, 9);
});

test.run();

/** Collects garbage before each token. */
async function readSlowly(generation: Generation): Promise<number[]> {
  const steps = generation[Symbol.asyncIterator]();
  await collectOnce();
  while ((await steps.next()).done !== true) await collectOnce();
  return generation.tokens;
}
