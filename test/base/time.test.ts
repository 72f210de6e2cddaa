import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock, within, yieldMacrotask } from '../../src/base/time.ts';
import { FakeClock } from '../helpers/fakes/fake-clock.ts';

const test = suite('time');

const SCOPES = {
  setImmediate: globalThis,
  MessageChannel: { MessageChannel, setTimeout },
  setTimeout: { setTimeout },
};

for (const [name, scope] of Object.entries(SCOPES)) {
  test(`yieldMacrotask() by ${name}: microtasks and a due timer get their turn`, async () => {
    const done: string[] = [];
    setTimeout(() => done.push('timer'), 0);
    queueMicrotask(() => done.push('microtask'));
    await yieldMacrotask(scope);
    assert.is(done[0], 'microtask');
    while (done.length < 2) await yieldMacrotask(scope);
    assert.equal(done, ['microtask', 'timer']);
  });
}

test('systemClock(): runs a task once, or not if that is taken back', async () => {
  for (const clock of [systemClock(), systemClock(true)]) {
    const before = clock.now();
    const done: string[] = [];
    clock.after(1, () => done.push('kept'));
    clock.after(1, () => done.push('taken back'))();
    await new Promise((resolve) => setTimeout(resolve, 20)); // timers run in the order they are due
    assert.equal(done, ['kept']);
    assert.ok(clock.now() > before);
  }
});

/** A wait of 5 ms, whose end is seen from outside. */
function setUp() {
  const clock = new FakeClock();
  const controller = new AbortController();
  const discarded: unknown[] = [];
  const work: { resolve(value: number): void; reject(error: unknown): void } = {
    resolve() {},
    reject() {},
  };
  const promise = new Promise<number>((resolve, reject) =>
    Object.assign(work, { resolve, reject }),
  );
  const wait = (more = {}) =>
    within(promise, {
      clock,
      milliseconds: 5,
      late: () => 'late',
      signal: controller.signal,
      discard: (value) => discarded.push(value),
      ...more,
    }).catch((error: unknown) => error);
  return { clock, controller, discarded, work, wait };
}

test('within(): what settles in time is passed on, a failure too; no timer is left', async () => {
  const { clock, controller, discarded, work, wait } = setUp();
  const waiting = wait();
  work.resolve(7);
  assert.is(await waiting, 7);
  controller.abort();
  assert.equal([clock.timers, discarded], [0, []]);
  const failing = setUp();
  failing.work.reject('mine');
  assert.is(await failing.wait(), 'mine');
  assert.is(failing.clock.timers, 0);
});

test('within(): a deadline, an abort before it or an abort in the middle ends it; what comes later is discarded', async () => {
  for (const [end, expected] of [
    ['deadline', 'late'],
    ['before', 'stop'],
    ['abort', 'stop'],
  ] as const) {
    const { clock, controller, discarded, work, wait } = setUp();
    if (end === 'before') controller.abort('stop');
    const waiting = wait();
    if (end === 'abort') controller.abort('stop');
    if (end === 'deadline') clock.advance(5);
    assert.is(await waiting, expected);
    assert.is(clock.timers, 0, end);
    work.resolve(7);
    await yieldMacrotask();
    assert.equal(discarded, [7], end);
  }
  const { controller, wait } = setUp();
  controller.abort();
  assert.is(await wait({ aborted: () => 'mine' }), 'mine');
});

test.run();
