import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LocalHost } from '../../../src/load/local-host.ts';
import { Model } from '../../../src/load/model.ts';
import { assertClose } from '../../helpers/checks/close.ts';
import { argmax, decode, openOn, openSmall, PROMPT } from '../../helpers/gpu/dispatch-scenario.ts';
import { evaluate } from '../../helpers/sessions/evaluate.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { withoutMemory } from '../../helpers/fakes/fake-memory.ts';
import { settle } from '../../helpers/fakes/silence.ts';

const cpu = await openSmall();
const device = await openSmall();
const { heap } = cpu.network.compute.engine;
const alone = new Model(new LocalHost(cpu, cpu.network.config), cpu.network.config);
const { used } = heap;

const test = suite('DispatchSequence');

test('truncate(), other tokens, fork(): the GPU goes on from what is right of its copy', async () => {
  const { model, gpus, dispatch, clock } = await openOn(cpu, device);
  const before = gpus.calls.length;
  const outcomes: number[][] = [];
  for (const each of [alone, model]) {
    const session = each.createSession();
    const { logits } = await decode(session, await session.prefill(PROMPT), 5, clock);
    session.truncate(20);
    const other = await decode(session, await session.prefill([1, 2, 3]), 5, clock);
    const fork = session.fork();
    fork.truncate(10);
    const third = await decode(fork, await fork.decode(7), 5, clock);
    const fourth = await decode(session, other.logits, 5, clock);
    outcomes.push([argmax(logits), ...other.ids, ...third.ids, ...fourth.ids]);
    session.dispose();
    fork.dispose();
  }
  assert.equal(outcomes[1], outcomes[0]);
  const loads = gpus.calls.slice(before).filter((call) => call === 'load');
  assert.is(loads.length, 1, 'only the fork is loaded');
  assert.is(gpus.live, 0);
  assert.equal(gpus.violations, []);
  dispatch.dispose();
  assert.is(heap.used, used);
});

test('model.logits(): every row, whether the GPU computes all, some or none', async () => {
  const expected = await alone.logits(PROMPT);
  for (let at = 7; at < 12; at++) {
    const plan = { fault: 'lost', at, isForEver: false } as const;
    const { model, gpus, dispatch } = await openOn(cpu, device, { plan });
    assertClose(await model.logits(PROMPT), expected, { atol: 1e-4, what: `lost at ${at}` });
    assert.is(gpus.live, 0);
    dispatch.dispose();
  }
  assert.is(heap.used, used);
});

test('model.score(): the same whether the GPU computes all, some or none; what failed is done once', async () => {
  const expected = await alone.score(PROMPT);
  for (const fault of ['lost', 'nan-logits', 'nan-factors'] as const) {
    for (let at = 7; at < 13; at++) {
      const plan = { fault, at, isForEver: at % 2 === 0 };
      const { model, gpus, dispatch } = await openOn(cpu, device, { plan });
      const what = `${fault} at ${at}`;
      assertClose(await model.score(PROMPT), expected, { atol: 1e-4, what });
      assert.is(gpus.live, 0);
      assert.equal(gpus.violations, []);
      dispatch.dispose();
    }
  }
  assert.is(heap.used, used);
});

test('score() on the GPU: its own logits, scored by the kernel; disposed meanwhile, nothing is appended', async () => {
  const { dispatch, gpus } = await openOn(cpu, device, { maxChunk: 40 });
  const before = gpus.calls.length;
  const sequence = dispatch.createSequence();
  const scores = await sequence.score(PROMPT.slice(0, -1), PROMPT.slice(1));
  assert.is(sequence.length, 40);
  assert.equal(gpus.calls.slice(before), ['forward', 'read']);
  const expected = (await alone.score(PROMPT)).subarray(0, 40);
  assertClose(scores, expected, { atol: 1e-4, what: 'a chunk of the GPU' });
  const running = sequence.score(PROMPT.slice(40, -1), PROMPT.slice(41));
  sequence.dispose();
  await refused(() => running, 'DISPOSED');
  await settle();
  assert.is(gpus.live, 0);
  dispatch.dispose();
  assert.is(heap.used, used);
});

const LONG = [...PROMPT, ...PROMPT, ...PROMPT].slice(0, 190);

test('a chunk of the GPU that fails is done by the CPU in its own, timers running in between', async () => {
  for (const [at, taken] of [
    [100, 190],
    [7, cpu.maxChunk],
  ] as const) {
    const plan = { fault: 'reject', at, isForEver: false } as const;
    const { model, dispatch } = await openOn(cpu, device, { plan, maxChunk: 200 });
    const sequence = dispatch.createSequence();
    const row = await sequence.forward(LONG);
    assert.is(sequence.length, taken);
    let turns = 0;
    const tick = () => {
      turns++;
      next = setImmediate(tick);
    };
    let next = setImmediate(tick);
    const isWhole = taken === LONG.length;
    const logits = isWhole ? row : await evaluate(sequence, LONG.slice(taken));
    clearImmediate(next);
    const [session, other] = [model.createSession(), alone.createSession()];
    const expected = argmax(await other.prefill(LONG));
    assert.is(argmax(logits), expected);
    assert.is(argmax(await session.prefill(LONG)), expected);
    assert.ok(turns > 0 || isWhole, 'no timer ran');
    for (const each of [sequence, session, other, dispatch]) each.dispose();
  }
});

test('a chunk that the CPU cannot finish either leaves the session as it was', async () => {
  const plan = { fault: 'reject', at: 7, isForEver: false } as const;
  const { model, dispatch } = await openOn(cpu, device, { plan, maxChunk: 200 });
  const session = model.createSession();
  const prefill = () => session.prefill(LONG);
  // two layers take a page each, and another for the third piece
  await withoutMemory(heap, 4, () => refused(prefill, 'OUT_OF_MEMORY'));
  assert.equal([session.length, session.byteLength], [0, 0]);
  session.dispose();
  dispatch.dispose();
  assert.is(heap.used, used);
});

test('more ids than the GPU takes at once: it computes the first of them', async () => {
  const { gpus, dispatch } = await openOn(cpu, device, { maxChunk: 16 });
  const sequence = dispatch.createSequence();
  await sequence.forward(PROMPT.slice(0, 40));
  assert.is(sequence.length, 16);
  await evaluate(sequence, PROMPT.slice(16, 56));
  assert.equal(gpus.violations, []);
  assert.is(sequence.length, 56);
  const step = ['forward', 'read'] as const;
  assert.equal(gpus.calls.slice(6), [...step, ...step, ...step, ...step], 'and nothing is loaded');
  sequence.dispose();
  dispatch.dispose();
});

test('a disposed sequence does not trouble the GPU', async () => {
  const { gpus, dispatch } = await openOn(cpu, device);
  const sequence = dispatch.createSequence();
  sequence.dispose();
  const sequences = gpus.made;
  await refused(() => sequence.forward([1]), 'DISPOSED');
  assert.is(gpus.made, sequences);
  dispatch.dispose();
});

test("the CPU's own failure reaches the caller, and the session goes on unchanged", async () => {
  const { model, gpus, dispatch, clock } = await openOn(cpu, device);
  const session = model.createSession();
  const first = await decode(session, await session.prefill(PROMPT), 3, clock);
  for (const [call, act] of [
    ['prefill', () => session.prefill(PROMPT)],
    ['decode', () => session.decode(1)],
  ] as const) {
    await withoutMemory(heap, 1, () => refused(act, 'OUT_OF_MEMORY', call));
    assert.is(session.length, PROMPT.length + 3);
  }
  assert.is(model.info().gpu?.losses, 0, 'the GPU is not to blame');
  const rest = await decode(session, first.logits, 5, clock);
  const other = alone.createSession();
  const whole = await decode(other, await other.prefill(PROMPT), 8, clock);
  assert.equal([...first.ids, ...rest.ids], whole.ids);
  assert.equal(gpus.violations, []);
  for (const each of [session, other]) each.dispose();
  dispatch.dispose();
});

for (const what of ['session', 'dispatch'] as const) {
  test(`dispose() of a ${what} during a call: the call ends, nothing is left`, async () => {
    for (let turns = 0; turns < 40; turns++) {
      const { model, gpus, dispatch, clock } = await openOn(cpu, device);
      const session = model.createSession();
      const running = session.prefill(PROMPT).catch((error: unknown) => error);
      for (let i = 0; i < turns; i++) await Promise.resolve();
      if (what === 'session') session.dispose();
      else dispatch.dispose();
      const outcome = await running;
      if (what === 'session') await refused(() => outcome, 'DISPOSED', `${turns}`);
      session.dispose();
      await settle();
      assert.is(gpus.live, 0, `${turns}`);
      dispatch.dispose();
      assert.equal([clock.timers, gpus.devices, gpus.violations], [0, 0, []], `${turns}`);
    }
  });
}

test('a sequence disposed in the middle of a step takes its copy along', async () => {
  for (let turns = 0; turns < 30; turns++) {
    const { gpus, dispatch } = await openOn(cpu, device);
    const sequence = dispatch.createSequence();
    const running = sequence.forward([1, 2, 3]).catch((error: unknown) => error);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    sequence.dispose();
    sequence.dispose();
    await running;
    await settle();
    assert.equal([gpus.live, gpus.violations], [0, []], `${turns}`);
    await refused(() => sequence.forward([1]), 'DISPOSED');
    dispatch.dispose();
  }
  await settle();
});

test('many losses: sessions that wait hold on to no device', async () => {
  const { model, gpus, dispatch, clock } = await openOn(cpu, device);
  const sessions = [model.createSession(), model.createSession()];
  for (const session of sessions) await session.prefill(PROMPT.slice(0, 8));
  const heapBefore = heap.used;
  for (let i = 0; i < 1000; i++) {
    gpus.lose(`loss ${i}`);
    await settle();
    assert.is(gpus.live, 0);
    clock.advance(600_000);
    await sessions[0]!.decode(i % 2);
    await settle();
    await sessions[0]!.decode(1);
    assert.is(gpus.live, 1, `${i}`);
    sessions[0]!.truncate(8);
  }
  assert.is(model.info().gpu?.losses, 1000);
  assert.is(heap.used, heapBefore);
  assert.is(clock.timers, 0);
  for (const session of sessions) session.dispose();
  dispatch.dispose();
  assert.is(heap.used, used);
});

test.run();
