import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model } from '../../src/index.ts';
import { refused } from '../helpers/checks/refused.ts';
import { greedy, readAll, refusesCalls } from '../helpers/sessions/sessions.ts';
import { livelyT6 } from '../helpers/models/t6-model.ts';

const COUNT = 20;
const { source, ids } = livelyT6(150);
const prompt = ids.slice(0, 60);

const test = suite<{ model: Model; control: number[] }>('dispose() and memory of a real model');

test.before(async (context) => {
  context.model = await loadModel(source, { simd: 'baseline' });
  using session = context.model.createSession();
  context.control = await greedy(session, prompt, COUNT);
});
test.after(({ model }) => model.dispose());

test('disposed idle, unread, between tokens, within a prompt or a chunk: DISPOSED, and all memory back', async ({
  model,
  control,
}) => {
  const before = model.memory().used;
  const idle = model.createSession();
  const unread = model.createSession();
  const between = model.createSession();
  const within = model.createSession();
  await idle.prefill(prompt);
  const unreadGeneration = unread.generate(prompt);
  const steps = between.generate(prompt)[Symbol.asyncIterator]();
  await steps.next();
  const isRefused = refused(() => within.prefill([...prompt, ...prompt]), 'DISPOSED');
  for (const session of [idle, unread, between, within]) {
    session.dispose();
    session.dispose();
    await refusesCalls(session, 'DISPOSED');
  }
  await refused(() => readAll(unreadGeneration), 'DISPOSED');
  await refused(() => steps.next(), 'DISPOSED');
  await isRefused;
  const atOnce = model.createSession();
  const isRefusedToo = refused(() => atOnce.prefill(prompt), 'DISPOSED');
  atOnce.dispose(); // while forward() runs
  await isRefusedToo;
  assert.is(model.memory().used, before);
  using session = model.createSession();
  assert.equal(await greedy(session, prompt, COUNT), control);
});

test('model.dispose() ends idle and running sessions; then everything throws DISPOSED', async () => {
  const model = await loadModel(source, { simd: 'baseline' });
  const idle = model.createSession();
  const running = model.createSession();
  await idle.prefill(prompt);
  const steps = running.generate(prompt)[Symbol.asyncIterator]();
  await steps.next();
  const areRefused = [
    refused(() => steps.next(), 'DISPOSED'),
    refused(() => model.logits([...prompt, ...prompt]), 'DISPOSED'),
  ];
  model.dispose();
  model.dispose();
  await Promise.all(areRefused);
  await refusesCalls(idle, 'DISPOSED');
  await refused(() => model.createSession(), 'DISPOSED');
  await refused(() => model.logits(prompt), 'DISPOSED');
  await refused(() => model.info(), 'DISPOSED');
  await refused(() => model.memory(), 'DISPOSED');
  idle.dispose();
});

test.run();
