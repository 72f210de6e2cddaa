import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model, readSnapshotInfo, type Session } from '../../src/index.ts';
import { collectUntil } from '../helpers/checks/collect.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { never, until, withoutUnhandled } from '../helpers/fakes/silence.ts';
import { livelyT6 } from '../helpers/models/t6-model.ts';
import { readAll, refusesCalls } from '../helpers/sessions/sessions.ts';
import { bytesOfStream, streamOf } from '../helpers/sessions/streams.ts';
import { startModelWorker } from '../helpers/workers/model-worker.ts';

const OPTIONS = { simd: 'baseline', backend: 'wasm' } as const;
const { source, ids } = livelyT6(400);
const prompt = ids.slice(0, 230).map((id) => id % 60);

const test = suite('snapshots as streams, and what ends them');

test('chunks of any size: the same session', async () => {
  using model = await open();
  using session = await begun(model);
  const bytes = await session.snapshot({ sha256: true });
  for (const chunk of [1, 11, 4096, bytes.length]) {
    using restored = await model.restore(streamOf(bytes, chunk));
    assert.equal(restored.tokens, session.tokens);
    assert.equal((await readSnapshotInfo(streamOf(bytes, chunk))).tokens, session.tokens);
  }
  const empty = new Uint8Array(0);
  const parts = [empty, bytes.subarray(0, 50), empty, empty, bytes.subarray(50), empty];
  assert.is((await model.restore(new Blob(parts).stream())).length, session.length);
});

test('a stream that is cancelled, forgotten or fails gives its pages back', async () => {
  using model = await open();
  using session = await begun(model);
  const { used } = model.memory();
  for (const reads of [0, 1, 5]) {
    const reader = session.snapshotStream().getReader();
    for (let i = 0; i < reads; i++) await reader.read();
    assert.ok(model.memory().used > used);
    await reader.cancel();
    assert.is(model.memory().used, used);
  }
  const controller = new AbortController();
  const reader = session.snapshotStream({ signal: controller.signal }).getReader();
  await reader.read();
  controller.abort();
  await refused(() => reader.read(), 'ABORTED');
  assert.is(model.memory().used, used);

  await forgetStreams(session);
  await collectUntil(() => model.memory().used <= used);
  assert.is(model.memory().used, used);
});

test('a source that fails, ends early or brings something else: nothing is left, the stream let go', async () => {
  using model = await open();
  using session = await begun(model);
  const bytes = await session.snapshot();
  const { used } = model.memory();
  let isCancelled = false;
  const failing = (chunks: readonly unknown[], end: 'error' | 'close' | 'wait') => {
    const left = [...chunks];
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (left.length > 0) return controller.enqueue(left.shift() as Uint8Array);
        if (end === 'wait') return never();
        if (end === 'close') return controller.close();
        throw new Error('the line is dead');
      },
      cancel() {
        isCancelled = true;
      },
    });
  };
  const half = bytes.subarray(0, bytes.length / 2);
  const broken = () => model.restore(failing([half], 'error'));
  await assertMistakes([
    [broken, Error, /the line is dead/],
    [() => model.restore(failing([half, 'text'], 'wait')), TypeError, /"source" expected chunks/],
  ]);
  assert.ok(isCancelled);
  await refused(() => model.restore(failing([half], 'close')), 'SNAPSHOT_INVALID', /truncated/);
  for (const act of [
    (signal: AbortSignal) => model.restore(failing([half], 'wait'), { signal }),
    (signal: AbortSignal) => readSnapshotInfo(failing([half], 'wait'), { signal }),
  ]) {
    isCancelled = false;
    const controller = new AbortController();
    const running = act(controller.signal);
    setTimeout(() => controller.abort(), 10);
    await withoutUnhandled(async () => void (await refused(() => running, 'ABORTED')));
    assert.ok(isCancelled);
  }
  await refused(() => model.restore(bytes, { signal: AbortSignal.abort() }), 'ABORTED');
  assert.is(model.memory().used, used);
});

test('reading no more than what stands before the caches lets the stream go', async () => {
  using model = await open();
  using session = await begun(model);
  const bytes = await session.snapshot({ metadata: { a: 1 } });
  let taken = 0;
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => controller.enqueue(bytes.slice(taken, (taken += 500))),
      cancel() {
        isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const info = await readSnapshotInfo(stream, { verify: false });
  assert.ok(isCancelled && taken < 2000, `${taken} bytes`);
  assert.equal(info, await readSnapshotInfo(bytes));
  const { cacheBytesPerToken } = model.info();
  const cachedTokens = session.length - 1;
  assert.equal(info, {
    version: 1,
    fingerprint: model.info().fingerprint,
    cacheDtype: 'f32',
    layers: model.config.layers,
    tokens: session.tokens,
    cachedTokens,
    hasStates: false,
    hasRandom: true,
    hasHash: false,
    metadata: { a: 1 },
    cacheBytes: cacheBytesPerToken * cachedTokens,
    byteLength: bytes.length,
  });
});

test('no memory for all of it: refused, and all pages are given back', async () => {
  using model = await open();
  using session = await begun(model);
  const bytes = await session.snapshot();
  const memoryLimit = model.memory().size;
  for (const name of ['here', 'in a worker'] as const) {
    const worker = name === 'here' ? false : startModelWorker;
    using small = await loadModel(source, { ...OPTIONS, memoryLimit, worker });
    const { used } = small.memory();
    const sessions: Session[] = [];
    const fill = async (): Promise<void> => {
      for (;;) sessions.push(await small.restore(bytes));
    };
    await refused(fill, 'OUT_OF_MEMORY', name);
    assert.ok(sessions.length > 0);
    for (const each of sessions) each.dispose();
    await until(() => small.memory().used === used);
    assert.is((await small.restore(streamOf(bytes, 999))).length, session.length);
  }
});

test('busy and disposed sessions and models', async () => {
  for (const worker of [false, startModelWorker] as const) {
    const model = await loadModel(source, { ...OPTIONS, worker });
    const session = await begun(model);
    const bytes = await session.snapshot();
    const running = session.prefill(prompt.slice(0, 50));
    await refusesCalls(session, 'SESSION_BUSY');
    await running;
    const generation = session.generate([1], { maxTokens: 5 })[Symbol.asyncIterator]();
    await generation.next();
    await refusesCalls(session, 'SESSION_BUSY');
    await generation.return!();
    const stream = session.snapshotStream();
    const taken = session.snapshot();
    session.dispose();
    await refusesCalls(session, 'DISPOSED');
    assert.is((await bytesOfStream(stream)).length, (await taken).length);

    const left = (await model.restore(bytes)).snapshotStream().getReader();
    await left.read();
    const pending = [model.restore(streamOf(bytes, 100)), model.restore(bytes)];
    model.dispose();
    for (const each of pending) await refused(() => each, 'DISPOSED');
    const rest = async (): Promise<void> => {
      while (!(await left.read()).done);
    };
    await refused(rest, 'DISPOSED');
    await refused(() => model.restore(bytes), 'DISPOSED');
  }
});

test('odd arguments are named', async () => {
  using model = await open();
  using session = model.createSession();
  const bytes = await session.snapshot();
  const odd = (options: unknown) => () => session.snapshot(options as never);
  const circle: Record<string, unknown> = {};
  circle['own'] = circle;
  const detached = bytes.slice();
  structuredClone(detached, { transfer: [detached.buffer] });
  await assertMistakes([
    [odd({ dtpye: 'q8' }), TypeError, /"dtpye" is not an option of snapshot, did you mean "dtype"/],
    [odd({ dtype: 'q4' }), RangeError, /"dtype" expected "f32", "i16" or "q8", got "q4"/],
    [odd({ metadata: [1] }), TypeError, /"metadata" expected a JSON object, got Array/],
    [odd({ metadata: circle }), TypeError, /"metadata" expected a JSON object/],
    [odd({ metadata: { big: 1n } }), TypeError, /"metadata" expected a JSON object/],
    [odd({ metadata: { a: 'é'.repeat(33_000) } }), RangeError, /at most 65536 bytes of JSON/],
    [odd({ sha256: 1 }), TypeError, /"sha256" expected a boolean, got 1/],
    [odd({ signal: 1 }), TypeError, /"signal" expected an AbortSignal/],
    [() => session.snapshotStream({ dtype: 'q4' as never }), RangeError, /"dtype"/],
    [() => model.restore('text' as never), TypeError, /"source" expected a Uint8Array or a Read/],
    [() => model.restore(detached), TypeError, /"source" expected memory with something in it/],
    [() => model.restore(bytes, { sginal: 1 } as never), TypeError, /did you mean "signal"/],
    [() => readSnapshotInfo(bytes, { verify: 1 as never }), TypeError, /"verify" expected/],
    [() => session.generate([1], { seed: 'next' as never }), TypeError, /"seed" expected an/],
  ]);
  const most = { a: 'a'.repeat(65_536 - '{"a":""}'.length) };
  using full = await model.restore(await session.snapshot({ metadata: most }));
  assert.equal(full.metadata, most);
});

test.run();

function open(): Promise<Model> {
  return loadModel(source, OPTIONS);
}

/** A session with more than two pages, and a token that was drawn and not evaluated. */
async function begun(model: Model): Promise<Session> {
  const session = model.createSession();
  await readAll(session.generate(prompt, { seed: 1, maxTokens: 2 }));
  return session;
}

async function forgetStreams(session: Session): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const reader = session.snapshotStream().getReader();
    for (let read = 0; read < i % 4; read++) await reader.read();
  }
}
