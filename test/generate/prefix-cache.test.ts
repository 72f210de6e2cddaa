import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model, PrefixCache } from '../../src/index.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { refused } from '../helpers/checks/refused.ts';
import { readAll } from '../helpers/sessions/sessions.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';

const test = suite('PrefixCache');

const random = createRandom(9);
const ids = (count: number) => Array.from({ length: count }, () => random.integer(0, 60));
/** Longer than a page. */
const SYSTEM = ids(110);

const open = (name = 'tpa') =>
  loadModel(mechanismVariant(name).build().source, { backend: 'wasm' });

/** The same tokens as those of a session that nothing was kept for. */
async function assertGoesOn(model: Model, prefixes: PrefixCache, prompt: readonly number[]) {
  const options = { temperature: 0, maxTokens: 6 };
  const session = await prefixes.session(prompt);
  assert.equal(session.tokens, prompt);
  const generation = session.generate([], options);
  await readAll(generation);
  const fresh = model.createSession();
  const expected = fresh.generate(prompt, options);
  await readAll(expected);
  assert.equal(generation.tokens, expected.tokens);
  fresh.dispose();
  return session;
}

for (const name of ['tpa', 'mla', 'mha', 'linear-tpa']) {
  test(`${name}: prompts that begin alike reuse it, and go on as without`, async () => {
    using model = await open(name);
    const prefixes = new PrefixCache(model, { bytes: 1e8 });
    const first = await assertGoesOn(model, prefixes, [...SYSTEM, 3, 4, 5]);
    const second = await assertGoesOn(model, prefixes, [...SYSTEM, 9, 8]);
    const { hits, misses, reusedTokens } = prefixes.stats;
    // a state of linear attention serves whole or not at all
    const isLinear = name.startsWith('linear');
    assert.equal([hits, misses], isLinear ? [0, 2] : [1, 1]);
    assert.is(reusedTokens, isLinear ? 0 : SYSTEM.length);
    const third = await assertGoesOn(model, prefixes, [...SYSTEM, 3, 4, 5, 6, 7]);
    assert.is(prefixes.stats.reusedTokens, reusedTokens + SYSTEM.length + 2);
    prefixes.dispose();
    for (const session of [first, second, third]) {
      await session.decode(1); // its pages are its own
      session.dispose();
    }
  });
}

test('what begins another prefix makes room for it, and the longest unused goes first', async () => {
  using model = await open();
  const prefixes = new PrefixCache(model, { bytes: 1e8 });
  const sessions = [
    await prefixes.session([...SYSTEM, 1]),
    await prefixes.session([...SYSTEM, 2, 2]),
  ];
  assert.is(prefixes.stats.entries, 1);
  assert.is(prefixes.stats.bytes, sessions[1]!.byteLength);
  for (const session of sessions) session.dispose();

  const { used } = model.memory();
  const small = new PrefixCache(model, { bytes: 2 * prefixes.stats.bytes });
  const others = [ids(100), ids(100), ids(100)];
  for (const prompt of others) (await small.session(prompt)).dispose();
  assert.is(small.stats.entries, 2);
  assert.ok(small.stats.bytes <= 2 * prefixes.stats.bytes);
  (await small.session(others[1]!)).dispose();
  (await small.session(SYSTEM)).dispose(); // in place of the third
  (await small.session(others[1]!)).dispose();
  assert.equal([small.stats.hits, small.stats.misses], [2, 4]);
  small.clear();
  assert.equal([small.stats.entries, small.stats.bytes, model.memory().used], [0, 0, used]);

  const none = new PrefixCache(model, { bytes: 0 });
  (await none.session(SYSTEM)).dispose();
  assert.equal([none.stats.entries, model.memory().used], [0, used]);
});

test('prompts that come together compute what they begin with once', async () => {
  using model = await open();
  const prefixes = new PrefixCache(model, { bytes: 1e8 });
  const prompts = [1, 2, 3, 4].map((id) => [...SYSTEM, id, id]);
  const sessions = await Promise.all(prompts.map((prompt) => prefixes.session(prompt)));
  assert.equal(
    sessions.map(({ tokens }) => tokens),
    prompts,
  );
  const { hits, misses, reusedTokens } = prefixes.stats;
  assert.equal([hits, misses, reusedTokens], [3, 1, 3 * SYSTEM.length]);
});

test('caches of another dtype are not shared', async () => {
  using model = await open();
  const prefixes = new PrefixCache(model, { bytes: 1e8 });
  await prefixes.session(SYSTEM);
  const session = await prefixes.session(SYSTEM, { cacheDtype: 'q8' });
  assert.is(session.cacheDtype, 'q8');
  assert.equal([prefixes.stats.misses, prefixes.stats.entries], [2, 2]);
  assert.is((await prefixes.session(SYSTEM)).cacheDtype, 'f32');
  assert.is(prefixes.stats.hits, 1);
});

test('what fails leaves the store as it was', async () => {
  using model = await open();
  const prefixes = new PrefixCache(model, { bytes: 1e8 });
  await prefixes.session(SYSTEM);
  const before = { ...prefixes.stats, used: model.memory().used };
  const signal = AbortSignal.abort();
  await refused(() => prefixes.session([...SYSTEM, 1], { signal }), 'ABORTED');
  const controller = new AbortController();
  const aborted = prefixes.session([...SYSTEM, ...ids(90)], { signal: controller.signal });
  controller.abort();
  await refused(() => aborted, 'ABORTED');
  // within the evaluation, between two chunks
  const late = new AbortController();
  const long = [...SYSTEM, ...ids(130)];
  const cut = prefixes.session(long, { signal: late.signal });
  setImmediate(() => late.abort());
  await refused(() => cut, 'ABORTED');
  assert.equal(prefixes.stats.entries, before.entries);
  await refused(() => prefixes.session([]), 'PROMPT_EMPTY');
  await refused(() => prefixes.session(ids(300)), 'CONTEXT_OVERFLOW');
  await refused(() => prefixes.session('text'), 'TOKENIZER_MISSING');
  await refused(() => prefixes.session([{ role: 'user', content: 'x' }]), 'TOKENIZER_MISSING');
  assert.equal({ ...prefixes.stats, used: model.memory().used }, before);

  const ended = prefixes.session([...SYSTEM, ...ids(90)]);
  prefixes.dispose();
  await refused(() => ended, 'DISPOSED');
  await refused(() => prefixes.session(SYSTEM), 'DISPOSED');
});

test('odd arguments are refused by name', async () => {
  using model = await open();
  for (const bad of [null, undefined, {}, 'model']) {
    assert.throws(() => new PrefixCache(bad as unknown as Model, { bytes: 1 }), /"model" expected/);
  }
  for (const bytes of [-1, 0.5, NaN, '1']) {
    assert.throws(() => new PrefixCache(model, { bytes: bytes as number }), /"bytes" expected/);
  }
  const prefixes = new PrefixCache(model, { bytes: 1 });
  const session = (prompt: unknown, options?: object) =>
    prefixes.session(prompt as number[], options);
  assert.match(await failure(() => session([1e9])), /"prompt\[0\]" expected/);
  assert.match(await failure(() => session(null)), /"prompt" expected/);
  assert.match(await failure(() => session([1], { cacheDtype: 'q4' })), /"cacheDtype" expected/);
  assert.match(await failure(() => session([1], { temperature: 0 })), /"temperature"/);
});

test.run();

async function failure(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
  } catch (error) {
    return String(error);
  }
  throw new Error('expected a failure');
}
