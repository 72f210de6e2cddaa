import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RetryPolicy } from '../../src/device/retry.ts';
import { type Losable, Supervisor } from '../../src/device/supervisor.ts';
import { TpaError } from '../../src/base/errors.ts';
import { FakeClock } from '../helpers/fakes/fake-clock.ts';
import { refused } from '../helpers/checks/refused.ts';
import { settle } from '../helpers/fakes/silence.ts';

const test = suite('Supervisor and RetryPolicy');

class Thing implements Losable {
  isDisposed = false;
  lose: (reason: string) => void = () => {};
  readonly lost = new Promise<string>((resolve) => {
    this.lose = resolve;
  });

  dispose(): void {
    this.isDisposed = true;
  }
}

/** A supervisor of things; `open` may be replaced. */
function setUp(random = 0) {
  const clock = new FakeClock();
  const things: Thing[] = [];
  const events: string[] = [];
  const moments: number[] = [];
  const state = {
    open: async (_signal: AbortSignal): Promise<Thing> => {
      const thing = new Thing();
      things.push(thing);
      return thing;
    },
  };
  const supervisor = new Supervisor<Thing>({
    open: (signal) => {
      moments.push(clock.now());
      return state.open(signal);
    },
    openDeadline: 120_000,
    clock,
    random: () => random,
    onLost: (reason, thing) => events.push(`lost: ${reason}, disposed ${thing.isDisposed}`),
    onOpened: () => events.push('opened'),
  });
  return { clock, things, events, moments, state, supervisor };
}

test('a lost thing is disposed at once, the reason told; the next is opened after a second', async () => {
  const { clock, things, events, supervisor, moments } = setUp();
  assert.is(await supervisor.start(), things[0]);
  assert.is(supervisor.use(), things[0]);
  things[0]!.lose('unplugged');
  await settle();
  assert.equal(events, ['lost: unplugged, disposed true']);
  assert.is(supervisor.use(), undefined);
  clock.advance(999);
  assert.is(supervisor.use(), undefined);
  await settle();
  assert.is(things.length, 1);
  assert.is(clock.timers, 0, 'nothing waits for the moment');
  clock.advance(1);
  assert.is(supervisor.use(), undefined, 'who asks does not wait');
  assert.is(supervisor.use(), undefined, 'one at a time');
  await settle();
  assert.is(supervisor.use(), things[1]);
  assert.equal(events.slice(1), ['opened']);
  assert.equal(moments, [0, 1000]);
  assert.is(supervisor.losses, 1);
  supervisor.dispose();
  assert.ok(things[1]!.isDisposed);
  assert.is(clock.timers, 0);
});

test('attempts come 1, 5 and 25 s after a failure, at most 3 in any 10 minutes, for ever', async () => {
  const { clock, moments, state, supervisor } = setUp();
  state.open = () => Promise.reject(new TpaError('GPU_LOST', 'dead at start'));
  await refused(() => supervisor.start(), 'GPU_LOST');
  for (let second = 0; second < 3600; second++) {
    supervisor.use();
    await Promise.resolve();
    await settle();
    clock.advance(1000);
  }
  assert.equal(moments.slice(0, 4), [0, 1000, 6000, 31_000]);
  const retries = moments.slice(1);
  assert.ok(retries.length > 12, `${retries.length} attempts in an hour`);
  for (const from of retries) {
    const within = retries.filter((at) => at >= from && at < from + 600_000);
    assert.ok(within.length <= 3, `${within.length} from ${from} on`);
  }
  assert.is(clock.timers, 0);
});

test('RetryPolicy: a pause is up to half longer, and short again after a quiet time', () => {
  for (const random of [0, 0.5, 0.999]) {
    const policy = new RetryPolicy(() => random);
    assert.ok(policy.isDue(0));
    for (const [at, pause] of [
      [0, 1000],
      [2000, 5000],
      [20_000, 25_000],
      [60_000, 25_000],
      [1_000_000, 1000],
    ] as const) {
      policy.failed(at);
      const due = at + pause * (1 + random / 2);
      assert.not.ok(policy.isDue(due - 1), `${at}`);
      assert.ok(policy.isDue(due), `${at}`);
    }
  }
});

for (const code of ['MODEL_UNSUPPORTED', 'BACKEND_UNAVAILABLE'] as const) {
  test(`${code} is final: nothing is opened any more`, async () => {
    const { clock, moments, state, supervisor } = setUp();
    state.open = () => Promise.reject(new TpaError(code, 'no'));
    await refused(() => supervisor.start(), code);
    clock.advance(10_000_000);
    supervisor.use();
    await settle();
    assert.equal(moments, [0]);
    assert.is(supervisor.reason, 'no');
  });
}

test('an opening that never settles ends after 120 s; a thing that comes later is disposed', async () => {
  const { clock, state, supervisor } = setUp();
  let give: ((thing: Thing) => void) | undefined;
  let wasAborted = false;
  state.open = (signal) => {
    signal.addEventListener('abort', () => (wasAborted = true));
    return new Promise((resolve) => {
      give = resolve;
    });
  };
  const starting = supervisor.start().catch((error: unknown) => error);
  clock.advance(120_000);
  await refused(() => starting, 'GPU_LOST');
  assert.ok(wasAborted);
  const thing = new Thing();
  give!(thing);
  await settle();
  assert.ok(thing.isDisposed);
  assert.is(supervisor.current, undefined);
  assert.is(clock.timers, 0);
});

test('an abort ends opening, before it and in the middle; dispose() does too', async () => {
  for (const end of ['before', 'signal', 'dispose']) {
    const { clock, state, supervisor, moments } = setUp();
    state.open = () => new Promise(() => {});
    const controller = new AbortController();
    if (end === 'before') controller.abort();
    const starting = supervisor.start(controller.signal).catch((error: unknown) => error);
    await settle();
    if (end === 'signal') controller.abort();
    if (end === 'dispose') supervisor.dispose();
    await refused(() => starting, 'ABORTED', end);
    assert.is(moments.length, end === 'before' ? 0 : 1);
    assert.is(clock.timers, 0, end);
  }
});

test('what is opened after dispose() is disposed; drop() of an old thing does nothing', async () => {
  const { clock, things, events, supervisor } = setUp();
  const first = await supervisor.start();
  supervisor.drop(first, 'broken');
  supervisor.drop(first, 'again');
  assert.is(events.length, 1);
  clock.advance(1000);
  supervisor.use();
  supervisor.dispose();
  await settle();
  assert.ok(things.every(({ isDisposed }) => isDisposed));
  assert.is(supervisor.current, undefined);
  assert.is(events.length, 1);
});

test('dispose() at any moment of a later opening lets go of what comes', async () => {
  for (let turns = 0; turns < 10; turns++) {
    const { clock, things, events, supervisor } = setUp();
    supervisor.drop(await supervisor.start(), 'broken');
    clock.advance(1000);
    supervisor.use();
    for (let i = 0; i < turns; i++) await Promise.resolve();
    supervisor.dispose();
    await settle();
    assert.is(things.length, 2);
    assert.ok(things[1]!.isDisposed, `${turns}`);
    if (events.length === 1) assert.is(supervisor.current, undefined);
    assert.is(clock.timers, 0);
  }
});

test('an adapter that is gone for a while after a loss is asked for again; one that never was is not', async () => {
  const { clock, things, state, supervisor, moments } = setUp();
  await supervisor.start();
  const open = state.open;
  state.open = async () => {
    throw new TpaError('BACKEND_UNAVAILABLE', 'no GPU adapter here');
  };
  things[0]!.lose('the driver restarts');
  await settle();
  clock.advance(1000);
  supervisor.use();
  await settle();
  assert.is(supervisor.reason, 'no GPU adapter here');
  state.open = open;
  clock.advance(5000);
  supervisor.use();
  await settle();
  assert.is(supervisor.use(), things[1]);
  assert.is(moments.length, 3);

  const never = setUp();
  never.state.open = async () => {
    throw new TpaError('BACKEND_UNAVAILABLE', 'no GPU adapter here');
  };
  await refused(() => never.supervisor.start(), 'BACKEND_UNAVAILABLE');
  never.clock.advance(600_000);
  assert.is(never.supervisor.use(), undefined);
  await settle();
  assert.is(never.moments.length, 1);
});

test.run();
