import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Session } from '../../src/index.ts';
import { withoutMemory } from '../helpers/fakes/fake-memory.ts';
import { refused } from '../helpers/checks/refused.ts';
import { greedy } from '../helpers/sessions/sessions.ts';
import { livelyT6, openCpuModel } from '../helpers/models/t6-model.ts';
import { createWitnesses } from '../helpers/sessions/witnesses.ts';

const { source, ids } = livelyT6(250);
const prompt = ids.slice(0, 60);

/** Calls, and how many allocations they need: in each of two layers a copy of the last page … */
const CALLS: Record<string, [(session: Session) => Promise<unknown>, number]> = {
  // … and two more pages, with later chunks
  prefill: [(session) => session.prefill([...prompt, ...prompt, ...prompt]), 6],
  decode: [(session) => session.decode(5), 2],
  // … and one more page
  generate: [(session) => greedy(session, prompt.slice(0, 40), 1), 4],
  // a page table instead
  fork: [async (session) => session.fork(), 2],
};

const test = suite('OUT_OF_MEMORY in a real model');

for (const [call, [act, allocations]] of Object.entries(CALLS)) {
  test(`${call}(): whichever allocation fails, every session goes on unchanged`, async () => {
    const { model, backend } = await openCpuModel(source, { simd: 'baseline' });
    const { heap } = backend.network.compute.engine;
    const { used } = model.memory();
    for (let n = 1; n <= allocations; n++) {
      const witnesses = await createWitnesses(model, prompt);
      const work = () => act(witnesses.session);
      const error = await withoutMemory(heap, n, () => refused(work, 'OUT_OF_MEMORY', `${n}`));
      assert.ok(error.retryable && Number(error.data['needed']) > model.memory().limit);
      await witnesses.isUnchanged(`allocation ${n}`);
      await withoutMemory(heap, allocations + 1, work); // it needs no more
      witnesses.dispose();
      if (call !== 'fork') assert.is(model.memory().used, used);
    }
  });
}

test('model.createSession() and model.logits(): whichever allocation fails, nothing is kept', async () => {
  const { model, backend } = await openCpuModel(source, { simd: 'baseline' });
  const { heap } = backend.network.compute.engine;
  const witnesses = await createWitnesses(model, prompt);
  const long = [...prompt, ...prompt];
  const logits = await model.logits(long);
  const { used } = model.memory();
  for (let n = 1; n <= 6; n++) {
    const act = async () => (n > 2 ? model.logits(long) : model.createSession());
    await withoutMemory(heap, n, () => refused(act, 'OUT_OF_MEMORY'));
    assert.is(model.memory().used, used, `allocation ${n}`);
  }
  assert.equal(await model.logits(long), logits);
  await witnesses.isUnchanged();
});

test('at a real memoryLimit: what was refused works once sessions are disposed', async () => {
  const loaded = await loadModel(source, { simd: 'baseline' });
  const { size } = loaded.memory();
  loaded.dispose();
  using model = await loadModel(source, { simd: 'baseline', memoryLimit: size });
  const { used } = model.memory();
  const sessions: Session[] = [];
  const almostPage = [...prompt, ...prompt].slice(0, 92);
  const fill = async () => {
    for (;;) {
      const session = model.createSession();
      sessions.push(session);
      await session.prefill(almostPage);
    }
  };
  const { data } = await refused(fill, 'OUT_OF_MEMORY');
  assert.is(data['limit'], size);
  assert.ok(Number(data['needed']) > size && model.memory().size === size);

  const whole = sessions.filter(({ length }) => length === almostPage.length);
  const [first, second, third] = whole as [Session, Session, Session];
  assert.ok(whole.length > 2, `${whole.length} sessions`);
  const expected = await greedy(first, [], 4); // up to the end of the page
  for (const each of whole.slice(1)) assert.equal(await greedy(each, [], 4), expected);
  await refused(() => second.prefill(prompt), 'OUT_OF_MEMORY');
  // the token before the next page is still evaluated, and one is sampled from it
  await refused(() => greedy(second, [], 4), 'OUT_OF_MEMORY');
  assert.is(second.length, almostPage.length + 5);
  third.dispose();
  await greedy(first, [], 4);
  const control = first.tokens;
  first.dispose();
  await greedy(second, [], 3);
  assert.equal(second.tokens, control);
  for (const each of sessions) each.dispose();
  assert.is(model.memory().used, used);
});

test.run();
