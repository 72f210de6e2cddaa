import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { IDLE } from '../../src/threads/control.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { buildCheckpoint } from '../helpers/files/build-checkpoint.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import {
  MECHANISM_VARIANTS,
  mechanismVariant,
  randomT6,
} from '../helpers/models/mechanism-model.ts';
import type { Fault } from '../helpers/threads/fault.ts';
import { decode, openScenario, type Scenario } from '../helpers/threads/threaded-scenario.ts';

/**
 * Calls that a thread makes at least: as many as the first program has. It makes 200 where nothing
 * else runs, and 57 beside four busy loops, where the one that leads finds most work undone.
 */
const FEWEST_CALLS = 20;
const KINDS = ['throw', 'hang', 'terminate'] as const;

const test = suite('threads that fail');

/** One block: every operation of a step once. */
const { config } = mechanismVariant('tpa');
const oneBlock = { ...config, n_layer: 1 };
const { source } = buildCheckpoint(oneBlock, randomT6(oneBlock, 7));

test('a thread exits at each of its calls: the numbers are the same', async () => {
  const scenario = await openScenario(source, 2);
  const calls = await atEachCall(scenario, () => 'exit');
  assert.ok(calls >= FEWEST_CALLS, `${calls} calls`);
});

test('a thread throws, hangs, or is terminated at every sixth of them: the same', async () => {
  const scenario = await openScenario(source, 2);
  const calls = await atEachCall(scenario, (call) => KINDS[(call / 6) % KINDS.length]!, 6);
  assert.ok(calls >= FEWEST_CALLS, `${calls} calls`);
});

for (const kind of ['exit', ...KINDS] as const) {
  test(`every thread of three fails at its call 0, 1, … by ${kind}: the one that is left goes on`, async () => {
    const { model, threads, expected } = await openScenario(source, 4);
    for (let call = 0; call < 6; call++) {
      const lost: string[] = [];
      model.pool.members.onLost = (reason) => lost.push(reason);
      await begin({ model, threads, expected }, { kind, at: [call], isOwn: true });
      const numbers = await threads.whileTerminating(decode(model.backend));
      assertSame(numbers, expected, `call ${call}`);
      await settled(() => lost.length === 3);
      // one that a busy machine holds up may be taken for one that hangs before it does
      if (kind !== 'hang') assert.is(threads.deaths, 3, `deaths at call ${call}`);
      assert.is(model.pool.threads, 1);
      restart(model);
    }
    model.backend.dispose();
  });
}

/** Those of LLaMA's that take operations which no mechanism of T6 takes. */
const OF_LLAMA = /^(llama-attention-bias|llama-mlp-bias|mistral-window|qwen3)$/;
const variants = [
  ...MECHANISM_VARIANTS,
  ...LLAMA_VARIANTS.filter(({ name }) => OF_LLAMA.test(name)),
];

for (const { name, build } of variants) {
  test(`${name}: steps that are run again give the same numbers`, async () => {
    const scenario = await openScenario(build().source, 3);
    const { model, threads, expected } = scenario;
    await begin(scenario, { kind: 'none', at: [] });
    assertSame(await decode(model.backend), expected, 'no thread fails');
    restart(model);
    // one goes on alone after the first has failed, and makes about as many calls
    const at = [0.1, 0.8].map((part) => Math.floor(threads.calls * part));
    await begin(scenario, { kind: 'exit', at });
    assertSame(await decode(model.backend), expected, 'two fail');
    assert.ok(threads.deaths > 0);
    model.backend.dispose();
  });
}

test('a thread that is terminated while all sleep is told of, and the next step goes without', async () => {
  const scenario = await openScenario(source, 3);
  const { model, threads, expected } = scenario;
  await begin(scenario, { kind: 'none', at: [] });
  const lost: string[] = [];
  model.pool.members.onLost = (reason) => lost.push(reason);
  await settled(() => Atomics.load(model.pool.control.words, IDLE) === 2);
  await threads.terminate(1);
  await settled(() => lost.length === 1);
  assert.is(model.pool.threads, 2);
  // it left a count behind: programs that nobody sleeps for wake nobody
  assertSame(await decode(model.backend), expected, 'numbers');
  assert.is(threads.callsOf(1), 0);
  assert.ok(threads.callsOf(2) > 0);
  model.backend.dispose();
});

test('threads that are ended within a step cost nothing but themselves', async () => {
  const scenario = await openScenario(source, 3);
  const { model, expected } = scenario;
  for (let milliseconds = 0; milliseconds < 20; milliseconds++) {
    await begin(scenario, { kind: 'none', at: [] });
    const ended = new Promise<void>((resolve) => {
      setTimeout(() => resolve(model.pool.keep(1)), milliseconds);
    });
    assertSame(await decode(model.backend), expected, `ended after ${milliseconds} ms`);
    await ended;
    restart(model);
  }
  model.backend.dispose();
});

test('dispose() within a step ends all threads, and the step rejects', async () => {
  for (let milliseconds = 0; milliseconds < 8; milliseconds++) {
    const scenario = await openScenario(source, 3);
    const { model } = scenario;
    await begin(scenario, { kind: 'none', at: [] });
    setTimeout(() => model.backend.dispose(), milliseconds);
    try {
      for (;;) await decode(model.backend);
    } catch (error) {
      assert.is((error as { code?: unknown }).code, 'DISPOSED');
    }
    assert.is(model.pool.threads, 1);
    model.backend.dispose();
  }
});

test('what a step writes to is given back when it has ended, though its sequence is disposed', async () => {
  const { model, threads, expected } = await openScenario(source, 3);
  const { heap } = model.backend.network.compute;
  // a thread that hangs keeps a step from ending
  await begin({ model, threads, expected }, { kind: 'hang', at: [0] });
  const { used } = heap;
  const sequence = model.backend.createSequence();
  let ended: unknown;
  const run = () => sequence.forward([1, 2, 3, 4, 5, 6, 7, 8]).catch((error: unknown) => error);
  let running = run();
  while (threads.deaths === 0) {
    await new Promise((resolve) => setImmediate(resolve));
    ended = await Promise.race([running, undefined]);
    // the one that leads may have done it all
    if (ended !== undefined && threads.deaths === 0) running = run();
  }
  const before = heap.used;
  assert.ok(before > used);
  sequence.dispose();
  assert.is(heap.used, before, 'threads may write there');
  assert.is(((await running) as { code?: unknown }).code, 'DISPOSED');
  assert.is(heap.used, used);
  assertSame(await decode(model.backend), expected, 'numbers');
  model.backend.dispose();
});

test.run();

/** Starts threads that fail so. */
async function begin({ model, threads }: Scenario, fault: Fault): Promise<void> {
  threads.plan(fault);
  assert.is(await model.start(threads.start), undefined);
}

function restart({ pool }: Scenario['model']): void {
  pool.keep(1);
  pool.lanes = pool.size;
}

/**
 * Runs the scenario once for every call of its one thread, or some, which dies in it, until it makes
 * no more.
 *
 * @returns how many calls that were
 */
async function atEachCall(
  scenario: Scenario,
  kindOf: (call: number) => Fault['kind'],
  step = 1,
): Promise<number> {
  const { model, threads, expected } = scenario;
  let call = 0;
  // how many calls the thread makes is not the same each time
  for (let misses = 0; misses < 3; call += step) {
    const kind = kindOf(call);
    await begin(scenario, { kind, at: [call] });
    const numbers = await threads.whileTerminating(decode(model.backend));
    assertSame(numbers, expected, `${kind} at call ${call}`);
    if (threads.calls <= call) {
      misses++;
    } else {
      misses = 0;
      assert.is(threads.deaths, 1);
      await settled(() => model.pool.threads === 1);
    }
    restart(model);
  }
  model.backend.dispose();
  return call;
}

/** Waits until events have come. */
async function settled(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}
