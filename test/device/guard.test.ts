import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Guard } from '../../src/device/guard.ts';
import type { Losable } from '../../src/device/supervisor.ts';
import { TpaError } from '../../src/base/errors.ts';
import { FakeClock } from '../helpers/fakes/fake-clock.ts';
import { refused } from '../helpers/checks/refused.ts';
import { never, settle } from '../helpers/fakes/silence.ts';

const test = suite('Guard');

class Device implements Losable {
  readonly log: string[] = [];
  disposals = 0;
  lose: (reason: string) => void = () => {};
  readonly lost = new Promise<string>((resolve) => {
    this.lose = resolve;
  });

  /** A call in two steps. */
  async work(name: string): Promise<string> {
    this.log.push(`${name} begins`);
    await Promise.resolve();
    this.log.push(`${name} ends`);
    return name;
  }

  dispose(): void {
    this.disposals++;
  }
}

function setUp() {
  const clock = new FakeClock();
  const device = new Device();
  return { clock, device, guard: new Guard(device, clock) };
}

test('call(): one at a time, in the order they come', async () => {
  const { device, guard, clock } = setUp();
  const names = ['a', 'b', 'c'];
  const given = await Promise.all(names.map((name) => guard.call('step', () => device.work(name))));
  assert.equal(given, names);
  assert.equal(
    device.log,
    names.flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
  assert.is(clock.timers, 0);
});

test('call(): after a failure every call rejects, waiting ones too; the device is disposed once', async () => {
  const { device, guard, clock } = setUp();
  const failing = guard.call('step', () => Promise.reject(new Error('OrtRun')));
  const waiting = guard.call('step', () => device.work('waiting'));
  const error = await refused(() => failing, 'GPU_LOST');
  assert.match(error.message, /OrtRun/);
  assert.instance(error.cause, Error);
  await refused(() => waiting, 'GPU_LOST');
  await refused(() => guard.call('step', () => device.work('late')), 'GPU_LOST');
  guard.dispose();
  assert.equal([device.log, device.disposals, clock.timers], [[], 1, 0]);
});

test('call(): GPU_OUT_OF_MEMORY stays what it is, what is thrown at once is GPU_LOST', async () => {
  const memory = setUp();
  const full = new TpaError('GPU_OUT_OF_MEMORY', 'full');
  await refused(() => memory.guard.call('step', () => Promise.reject(full)), 'GPU_OUT_OF_MEMORY');
  const thrower = setUp();
  const failure = new TypeError('at once');
  const work = (): Promise<never> => {
    throw failure;
  };
  await refused(() => thrower.guard.call('step', work), 'GPU_LOST');
});

for (const code of ['OUT_OF_MEMORY', 'KERNEL_TRAP', 'DISPOSED', 'BACKEND_UNAVAILABLE'] as const) {
  test(`call(): ${code} is the CPU's part or a refusal: it passes, and the device goes on`, async () => {
    const { device, guard } = setUp();
    const failing = guard.call('step', () => Promise.reject(new TpaError(code, 'on the CPU')));
    const waiting = guard.call('step', () => device.work('waiting'));
    await refused(() => failing, code);
    assert.is(await waiting, 'waiting');
    assert.is(device.disposals, 0);
  });
}

for (const [name, end] of [
  ['a lost device', ({ device }: ReturnType<typeof setUp>) => device.lose('unplugged')],
  ['dispose()', ({ guard }: ReturnType<typeof setUp>) => guard.dispose()],
  ['its deadline', ({ clock }: ReturnType<typeof setUp>) => clock.runNext()],
] as const) {
  test(`${name} ends a call that never settles, and no timer is left`, async () => {
    const all = setUp();
    const running = all.guard.call('step', never).catch((error: unknown) => error);
    const waiting = all.guard.call('step', never).catch((error: unknown) => error);
    await settle();
    end(all);
    await refused(() => running, 'GPU_LOST');
    await refused(() => waiting, 'GPU_LOST');
    assert.equal([all.device.disposals, all.clock.timers], [1, 0]);
  });
}

test('between(): at once without a call, else after it; never on a dead device', async () => {
  const { device, guard } = setUp();
  guard.between(() => device.log.push('idle'));
  assert.equal(device.log, ['idle']);
  const calls = [
    guard.call('step', () => device.work('a')),
    guard.call('step', () => device.work('b')),
  ];
  guard.between(() => device.log.push('between'));
  await Promise.all(calls);
  await settle();
  assert.equal(device.log, ['idle', 'a begins', 'a ends', 'b begins', 'b ends', 'between']);
  guard.dispose();
  guard.between(() => device.log.push('dead'));
  assert.is(device.log.length, 6);
});

test('between(): what it throws is the end of the device', async () => {
  const { device, guard } = setUp();
  guard.between(() => {
    throw new Error('no');
  });
  assert.is(device.disposals, 1);
  await refused(() => guard.call('step', () => device.work('a')), 'GPU_LOST');
});

test.run();
