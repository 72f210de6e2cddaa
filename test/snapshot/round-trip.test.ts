import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CacheDtype,
  loadModel,
  type Model,
  readSnapshotInfo,
  type Session,
} from '../../src/index.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { refused } from '../helpers/checks/refused.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { until } from '../helpers/fakes/silence.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { readAll } from '../helpers/sessions/sessions.ts';
import { bytesOfStream, streamOf } from '../helpers/sessions/streams.ts';
import { startModelWorker } from '../helpers/workers/model-worker.ts';

/** More than a page, and the last not full. */
const TOKENS = 110;
const HOT = { temperature: 1.2, topP: 0.9, seed: 11 } as const;

const random = createRandom(5);
const ids = Array.from({ length: TOKENS }, () => random.integer(0, 60));

const test = suite('snapshot() and restore()');

for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  test(`${name}: a session goes on elsewhere with the same tokens, as it would have`, async () => {
    const { source } = build();
    using here = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
    using elsewhere = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
    using session = here.createSession();
    await readAll(session.generate(ids, { ...HOT, maxTokens: 5 }));
    const { tokens } = session;
    const { used } = here.memory();
    const bytes = await session.snapshot();
    assert.is(here.memory().used, used);

    const before = elsewhere.memory().used;
    const restored = await elsewhere.restore(bytes);
    assert.equal([restored.tokens, restored.byteLength], [tokens, session.byteLength]);
    assert.equal(await restored.snapshot(), bytes);
    assert.equal(await continued(restored), await continued(session));
    // a generation that was never interrupted says the same
    using whole = here.createSession();
    const all = await readAll(whole.generate(ids, { ...HOT, maxTokens: 11 }));
    assert.equal(restored.tokens.slice(TOKENS), all.tokens);
    // the last step can be taken back, also where it takes a state
    for (const each of [session, restored]) each.truncate(TOKENS + 10);
    assertSame(await restored.decode(3), await session.decode(3), name);
    restored.dispose();
    assert.is(elsewhere.memory().used, before);
  });
}

for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  test(`${name}: codes go out and in unchanged, and what is converted is of that dtype`, async () => {
    using model = await loadModel(build().source, { simd: 'baseline', backend: 'wasm' });
    model.createSession({ cacheDtype: 'q8' }).dispose(); // room to compute with codes is taken once
    const { used } = model.memory();
    for (const cacheDtype of ['i16', 'q8'] as const) {
      using session = await begun(model, cacheDtype);
      const bytes = await session.snapshot();
      using restored = await model.restore(bytes);
      assert.equal([restored.cacheDtype, restored.tokens], [session.cacheDtype, session.tokens]);
      assert.equal(await restored.snapshot(), bytes);
      assert.equal(await continued(restored), await continued(session));

      using exact = await begun(model);
      const converted = await exact.snapshot({ dtype: cacheDtype });
      using coded = await model.restore(converted);
      assert.is(coded.cacheDtype, session.cacheDtype);
      assert.equal(await coded.snapshot(), converted);
      assert.is((await readSnapshotInfo(converted)).cacheDtype, coded.cacheDtype);
      using back = await model.restore(await coded.snapshot({ dtype: 'f32' }));
      assert.equal([back.cacheDtype, back.byteLength], ['f32', exact.byteLength]);
      await continued(back);
    }
    assert.is(model.memory().used, used);
  });
}

for (const name of ['tpa', 'linear-tpa']) {
  const { source } = MECHANISM_VARIANTS.find((variant) => variant.name === name)!.build();

  test(`${name}: a model in a worker gives the same bytes, and takes them, both ways`, async () => {
    using here = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
    const options = { simd: 'baseline', backend: 'wasm', worker: startModelWorker } as const;
    using there = await loadModel(source, options);
    const [mine, yours] = [await begun(here), await begun(there)];
    const bytes = await mine.snapshot();
    assert.equal(await yours.snapshot(), bytes);
    assert.equal(await bytesOfStream(yours.snapshotStream()), bytes);
    assert.equal(await bytesOfStream(mine.snapshotStream()), bytes);
    for (const dtype of ['i16', 'q8'] as const) {
      assert.equal(await yours.snapshot({ dtype }), await mine.snapshot({ dtype }));
    }
    const [toWorker, fromWorker] = [
      await there.restore(streamOf(bytes, 1000)),
      await here.restore(await yours.snapshot()),
    ];
    assert.equal(toWorker.byteLength, mine.byteLength);
    const bad = bytes.slice();
    bad[bytes.length - 20]! ^= 1;
    await refused(() => there.restore(bad), 'SNAPSHOT_INVALID', /CRC-32C/);
    const expected = await continued(mine);
    for (const session of [toWorker, fromWorker, yours]) {
      assert.equal(await continued(session), expected);
      session.dispose();
    }
    mine.dispose();
    await until(() => there.memory().used === here.memory().used);
  });
}

test('an empty session, a fork, one that was cut, and one that has tokens but no cache', async () => {
  const { source } = MECHANISM_VARIANTS[0]!.build();
  using model = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
  using empty = model.createSession();
  using back = await model.restore(await empty.snapshot());
  assert.equal([back.tokens, back.byteLength, back.metadata], [[], 0, undefined]);
  assert.throws(() => back.generate([1], { seed: 'continue' }), /"seed" expected an integer/);

  using session = await begun(model);
  using fork = session.fork();
  assert.equal(await fork.snapshot(), await session.snapshot());
  fork.truncate(100);
  await fork.decode(4);
  session.truncate(100);
  await session.decode(4);
  assert.equal(await fork.snapshot(), await session.snapshot());
  using restored = await model.restore(await fork.snapshot());
  assert.equal(await continued(restored), await continued(session));
  session.truncate(0);
  using cut = await model.restore(await session.snapshot());
  assert.equal([cut.tokens, cut.byteLength], [[], 0]);
});

test('a snapshot is of the moment of the call, and the session free at once', async () => {
  const { source } = MECHANISM_VARIANTS[0]!.build();
  using model = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
  using session = await begun(model);
  const expected = await session.snapshot();
  const stream = session.snapshotStream();
  const taken = session.snapshot();
  await session.decode(7);
  session.truncate(20);
  await session.decode(9);
  assert.equal(await taken, expected);
  assert.equal(await bytesOfStream(stream), expected);
});

test('metadata is kept, and so is what a fork has of it', async () => {
  const { source } = MECHANISM_VARIANTS[0]!.build();
  using model = await loadModel(source, { simd: 'baseline', backend: 'wasm' });
  using session = await begun(model);
  const metadata = { title: 'Nächte', at: 3, deep: [{ a: null }], ['__proto__']: 1 };
  const bytes = await session.snapshot({ metadata, sha256: true });
  using restored = await model.createSession({ from: bytes });
  assert.equal(restored.metadata, metadata);
  using fork = restored.fork();
  assert.equal(fork.metadata, metadata);
  assert.is(session.metadata, undefined);
});

test.run();

/** A session with more than a page, and a token that was drawn and not evaluated. */
async function begun(model: Model, cacheDtype: CacheDtype = 'f32'): Promise<Session> {
  const session = model.createSession({ cacheDtype });
  await readAll(session.generate(ids, { ...HOT, maxTokens: 3 }));
  return session;
}

async function continued(session: Session): Promise<number[]> {
  const generation = session.generate([], { ...HOT, seed: 'continue', maxTokens: 6 });
  return (await readAll(generation)).tokens;
}
