import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Watchdog } from '../../src/device/watchdog.ts';
import { TpaError } from '../../src/base/errors.ts';
import { FakeClock } from '../helpers/fakes/fake-clock.ts';
import { refused } from '../helpers/checks/refused.ts';
import { never, settle } from '../helpers/fakes/silence.ts';

const test = suite('Watchdog');

/** So many calls of a kind that take so long. */
async function calls(watchdog: Watchdog, clock: FakeClock, milliseconds: readonly number[]) {
  for (const took of milliseconds) {
    await watchdog.run('step', async () => clock.advance(took));
  }
}

test('deadline(): a minute for the first three calls of a kind, then 10 s at least', async () => {
  const clock = new FakeClock();
  const watchdog = new Watchdog(clock);
  const deadlines: number[] = [];
  for (let i = 0; i < 5; i++) {
    deadlines.push(watchdog.deadline('step'));
    await calls(watchdog, clock, [5]);
  }
  assert.equal(deadlines, [60_000, 60_000, 60_000, 10_000, 10_000]);
  assert.is(watchdog.deadline('other'), 60_000);
});

test('deadline(): 10 times the slowest of the last 16 calls', async () => {
  const clock = new FakeClock();
  const watchdog = new Watchdog(clock);
  await calls(watchdog, clock, [5, 5, 5, 4000, 5]);
  assert.is(watchdog.deadline('step'), 40_000);
  await calls(watchdog, clock, Array<number>(14).fill(5));
  assert.is(watchdog.deadline('step'), 40_000);
  await calls(watchdog, clock, [5]);
  assert.is(watchdog.deadline('step'), 10_000);
});

test('a call that never settles is GPU_LOST at its deadline, not before; no timer is left', async () => {
  const clock = new FakeClock();
  const watchdog = new Watchdog(clock);
  let outcome: unknown;
  void watchdog.run('step', never).catch((error: unknown) => (outcome = error));
  clock.advance(59_999);
  await Promise.resolve();
  assert.is(outcome, undefined);
  clock.advance(1);
  await settle();
  const { message } = await refused(() => outcome, 'GPU_LOST');
  assert.is(message, 'the GPU did not answer a step call within 60 s');
  assert.equal((outcome as TpaError).data, { kind: 'step', deadline: 60_000 });
  assert.is(clock.timers, 0);
});

test('what settles in time is passed on, a failure too, and no timer is left', async () => {
  const clock = new FakeClock();
  const watchdog = new Watchdog(clock);
  const mine = new Error('mine');
  const throwing = (): Promise<never> => {
    throw mine;
  };
  assert.is(await watchdog.run('step', async () => 7), 7);
  for (const call of [() => Promise.reject(mine), throwing]) {
    const thrown = await watchdog.run('step', call).catch((error: unknown) => error);
    assert.is(thrown, mine);
  }
  assert.is(clock.timers, 0);
});

test('an abort ends a call with its reason; its late answer and its late failure are of no interest', async () => {
  const clock = new FakeClock();
  const watchdog = new Watchdog(clock);
  let fail: ((error: Error) => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const controller = new AbortController();
  const running = watchdog.run('step', () => late, controller.signal);
  controller.abort(new TpaError('GPU_LOST', 'gone'));
  await refused(() => running, 'GPU_LOST');
  assert.is(clock.timers, 0);
  let unhandled = 0;
  const count = (): void => void unhandled++;
  process.on('unhandledRejection', count);
  fail!(new Error('late'));
  await settle();
  await settle();
  process.off('unhandledRejection', count);
  assert.is(unhandled, 0);
});

test.run();
