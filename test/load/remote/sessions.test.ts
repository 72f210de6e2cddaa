import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model, type ModelSource, type Session } from '../../../src/index.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { createRandom } from '../../helpers/checks/random.ts';
import { until } from '../../helpers/fakes/silence.ts';
import { llamaVariant } from '../../helpers/models/llama-model.ts';
import { mechanismVariant } from '../../helpers/models/mechanism-model.ts';
import { livelyT6 } from '../../helpers/models/t6-model.ts';
import { readAll, refusesCalls } from '../../helpers/sessions/sessions.ts';
import { talkingT6 } from '../../helpers/sessions/talking-t6.ts';
import { startModelWorker } from '../../helpers/workers/model-worker.ts';

const random = createRandom(7);
const ids = Array.from({ length: 150 }, () => random.integer(0, 60));

/** Pages, states of both shapes, latents, windows. */
const SOURCES: readonly (readonly [string, ModelSource])[] = [
  ['tpa', livelyT6(250).source],
  ['mla', mechanismVariant('mla').build().source],
  ['linear-gqa', mechanismVariant('linear-gqa').build().source],
  ['linear-tpa', mechanismVariant('linear-tpa').build().source],
  ['qwen2-window', llamaVariant('qwen2-window').build().source],
];

const test = suite('a model in a worker');

for (const [name, source] of SOURCES) {
  test(`${name}: every call of a session gives what it gives here, to the bit`, async () => {
    using here = await loadModel(source, { simd: 'baseline' });
    using there = await inWorker(source);
    const expected = await story(here);
    const found = await story(there);
    assert.equal(found, expected);
    assert.ok(expected.length > 25);
    assert.equal(await there.logits(ids), await here.logits(ids));
    assert.equal(await there.score(ids), await here.score(ids));
    const { workerReason, worker, ...info } = there.info();
    assert.equal([worker, workerReason], [true, 'asked for']);
    assert.equal({ ...here.info(), ...info }, here.info());
    await until(() => there.memory().used === here.memory().used); // what was freed is told later
    assert.equal(there.memory(), here.memory());
  });
}

test('text, seeds, stop strings and conversations', async () => {
  const source = { ...talkingT6(), chatTemplate: '{{ messages[0].content }}:' };
  using here = await loadModel(source, { simd: 'baseline' });
  using there = await inWorker(source);
  const [expected, found] = [await texts(here), await texts(there)];
  assert.equal(found, expected);
  assert.is(found[2], 'stop');
  const { encode, vocabSize } = there.tokenizer!;
  assert.equal(encode('a red ball'), here.tokenizer!.encode('a red ball'));
  assert.is(vocabSize, here.tokenizer!.vocabSize);
});

test('the thread that asks is free: macrotasks run while the worker computes each chunk', async () => {
  using model = await inWorker(livelyT6(250).source);
  using session = model.createSession();
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const begun = turns;
  await session.prefill([...ids, ...ids.slice(0, 90)]); // five chunks
  isOver = true;
  // here a step holds the thread: one turn passes between two chunks, and two more with the first
  assert.ok(turns - begun > 20, `${turns - begun} turns`);
});

test('a signal within a prompt: nothing is appended, and the session goes on', async () => {
  using here = await loadModel(livelyT6(250).source, { simd: 'baseline' });
  using there = await inWorker(livelyT6(250).source);
  for (const moment of [1, 2, 3, 4]) {
    using session = there.createSession();
    await session.prefill([1, 2, 3]);
    const controller = new AbortController();
    const generation = session.generate(ids, { temperature: 0, signal: controller.signal });
    let left = moment;
    const turn = (): void => {
      if (--left === 0) controller.abort();
      else setImmediate(turn);
    };
    setImmediate(turn);
    await readAll(generation);
    assert.is(generation.finishReason, 'abort');
    assert.equal(generation.tokens, []);
    assert.equal(session.tokens, [1, 2, 3]);
    using control = here.createSession();
    await control.prefill([1, 2, 3]);
    assert.equal(await session.decode(5), await control.decode(5));
  }
});

test('busy, disposed sessions, and errors with their codes and data', async () => {
  using model = await inWorker(livelyT6(100).source);
  using session = model.createSession();
  const first = session.prefill(ids.slice(0, 60));
  await refusesCalls(session, 'SESSION_BUSY');
  await first;
  const { data } = await refused(() => session.prefill(ids.slice(0, 50)), 'CONTEXT_OVERFLOW');
  assert.equal(data, { asked: 110, limit: 100 });
  const gone = model.createSession();
  const running = refused(() => gone.prefill(ids.slice(0, 90)), 'DISPOSED');
  gone.dispose();
  await running;
  await refusesCalls(gone, 'DISPOSED');
});

test('a step that fails in the worker rejects here with its code, and leaves the session as it was', async () => {
  const { source } = livelyT6(250);
  using measured = await loadModel(source, { simd: 'baseline' });
  const memoryLimit = measured.memory().size + 2 ** 18;
  const options = { contextLength: 40, memoryLimit } as const;
  using model = await inWorker(source, options);
  const sessions: Session[] = [];
  let error: unknown;
  while (error === undefined && sessions.length < 2000) {
    const session = model.createSession();
    sessions.push(session);
    error = await session.prefill(ids.slice(0, 39)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  }
  await refused(() => Promise.reject(error), 'OUT_OF_MEMORY');
  assert.equal([sessions.at(-1)!.length, sessions.at(-1)!.byteLength], [0, 0]);
  const [kept, ...others] = sessions;
  for (const session of others) session.dispose();
  using control = measured.createSession();
  await control.prefill(ids.slice(0, 39));
  assert.equal(await kept!.decode(3), await control.decode(3));
});

test.run();

function inWorker(source: ModelSource, options = {}): Promise<Model> {
  return loadModel(source, { simd: 'baseline', ...options, worker: startModelWorker });
}

/** What a session says of itself and gives, call by call. */
async function story(model: Model): Promise<unknown[]> {
  const told: unknown[] = [];
  const tell = (session: Session, given?: unknown): void => {
    told.push([session.length, session.byteLength, session.tokens, given]);
  };
  using session = model.createSession();
  tell(session);
  tell(session, await session.prefill(ids.slice(0, 100)));
  for (const id of [3, 1, 4]) tell(session, await session.decode(id));
  using fork = session.fork();
  tell(fork, await fork.decode(9));
  tell(fork, await fork.prefill(ids.slice(0, 30)));
  for (const length of [102, 101, 99, 50, 0]) {
    session.truncate(length);
    tell(session);
    tell(session, await session.decode(7));
    using late = session.fork();
    tell(late, await late.score([1, 2, 3, 4]));
    late.truncate(late.length - 1);
    tell(late, await late.decode(2));
  }
  const generation = fork.generate([1, 2], { seed: 11, maxTokens: 9, logprobs: true });
  for await (const token of generation) tell(fork, token);
  fork.dispose();
  told.push(fork.byteLength);
  return told;
}

/** What a model writes, and why it ends. */
async function texts(model: Model): Promise<unknown[]> {
  using session = model.createSession();
  const first = session.generate('Once upon', { seed: 3, maxTokens: 40 });
  const text = await first.text();
  const stop = text.slice(20, 24);
  using other = model.createSession();
  const stopped = other.generate('Once upon', { seed: 3, maxTokens: 40, stop: [stop] });
  const cut = await stopped.text();
  using chat = model.createSession();
  const messages = [{ role: 'user', content: 'a red ball' }];
  const answer = await chat.generate(messages, { seed: 3, maxTokens: 12, logprobs: true }).text();
  return [text, cut, stopped.finishReason, answer, first.tokens, chat.tokens];
}
