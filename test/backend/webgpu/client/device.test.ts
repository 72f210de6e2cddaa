import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { GpuDevice } from '../../../../src/backend/webgpu/client/device.ts';
import type { Request } from '../../../../src/backend/webgpu/protocol.ts';
import type {
  WorkerEvents,
  WorkerPort,
} from '../../../../src/backend/webgpu/client/worker-port.ts';
import { refused } from '../../../helpers/checks/refused.ts';
import { settle, withoutUnhandled } from '../../../helpers/fakes/silence.ts';

const test = suite('GpuDevice');

/** A worker that answers when it is told to. */
class FakePort implements WorkerPort {
  readonly posted: Request[] = [];
  readonly transfers: (readonly ArrayBuffer[])[] = [];
  readonly log: string[] = [];
  events!: WorkerEvents;

  readonly spawn = async (events: WorkerEvents): Promise<WorkerPort> => {
    this.events = events;
    return this;
  };

  post(request: Request, transfer: readonly ArrayBuffer[]): void {
    this.posted.push(request);
    this.transfers.push(transfer);
  }

  keepAlive(isNeeded: boolean): void {
    this.log.push(isNeeded ? 'needed' : 'idle');
  }

  terminate(): void {
    this.log.push('terminated');
  }

  /** Answers the request of this index. */
  answer(index: number, answer: Float32Array[] | undefined): void {
    this.events.onReply({ id: this.posted[index]!.id, answer });
  }
}

async function setUp() {
  const port = new FakePort();
  const device = await GpuDevice.open(port.spawn);
  const losses: string[] = [];
  void device.lost.then((reason) => losses.push(reason));
  const read = (buffer: number) => device.ask('read', { parts: [{ buffer, at: 0, bytes: 4 }] });
  return { port, device, read, losses };
}

test('ask(): answers go to who asked, whatever their order', async () => {
  const { port, read } = await setUp();
  const asked = [read(0), read(1), read(2)];
  assert.is(new Set(port.posted.map(({ id }) => id)).size, 3);
  for (const i of [2, 0, 1]) port.answer(i, [Float32Array.of(i)]);
  const answers = await Promise.all(asked);
  assert.equal(
    answers.map(([numbers]) => numbers![0]),
    [0, 1, 2],
  );
});

test('ask(): what is transferred is passed on; nothing unless it is given', async () => {
  const { port, device } = await setUp();
  const data = Float32Array.of(1, 2);
  const writes = [{ buffer: 3, at: 8, data }];
  const asked = device.ask('write', { writes }, [data.buffer]);
  void device.ask('free', { buffers: [3] });
  assert.equal(port.transfers, [[data.buffer], []]);
  assert.equal(port.posted[0], { id: port.posted[0]!.id, kind: 'write', ask: { writes } });
  port.answer(0, undefined);
  assert.is(await asked, undefined);
});

test('ask(): an error is a TpaError of its code, and the others go on waiting', async () => {
  const { port, device, read, losses } = await setUp();
  for (const code of ['GPU_LOST', 'GPU_OUT_OF_MEMORY', 'BACKEND_UNAVAILABLE'] as const) {
    const asked = read(0);
    const other = read(1);
    const [first, second] = port.posted.slice(-2);
    port.events.onReply({ id: first!.id, code, message: `because of ${code}` });
    assert.is((await refused(() => asked, code)).message, `because of ${code}`);
    port.events.onReply({ id: second!.id, answer: [] });
    assert.equal(await other, []);
  }
  await settle();
  assert.equal(losses, [], 'an error is no loss');
  device.close();
});

test('replies that nobody waits for are ignored', async () => {
  const { port, read } = await setUp();
  const asked = read(0);
  port.events.onReply({ id: 99, answer: [] });
  port.events.onReply({ id: 98, code: 'GPU_LOST', message: 'late' });
  port.answer(0, []);
  port.answer(0, [Float32Array.of(1)]);
  assert.equal(await asked, []);
});

for (const [name, end] of [
  ['a worker that dies', ({ events }: FakePort) => events.onDead('it broke')],
  ['a lost device', ({ events }: FakePort) => events.onReply({ lost: 'it broke' })],
] as const) {
  test(`${name}: all that wait reject, \`lost\` resolves once, the worker ends`, () =>
    withoutUnhandled(async () => {
      const { port, device, read, losses } = await setUp();
      const asked = [read(0), read(1)];
      const outcomes = Promise.allSettled(asked);
      end(port);
      end(port);
      port.events.onDead('again');
      port.events.onReply({ lost: 'again' });
      for (const one of asked) {
        const error = await refused(() => one, 'GPU_LOST');
        assert.is(error.message, 'it broke');
      }
      await outcomes;
      assert.equal(losses, ['it broke']);
      const after = await refused(() => read(0), 'GPU_LOST');
      assert.is(after.message, 'it broke');
      assert.is(port.posted.length, 2, 'nothing is posted any more');
      device.close();
      assert.equal(port.log, ['needed', 'terminated']);
    }));
}

test('close(): what waits rejects, the worker ends once, `lost` stays pending', () =>
  withoutUnhandled(async () => {
    const { port, device, read, losses } = await setUp();
    const asked = read(0);
    device.close();
    device.close();
    port.events.onDead('it was terminated');
    port.answer(0, []);
    await refused(() => asked, 'GPU_LOST');
    await refused(() => read(1), 'GPU_LOST');
    assert.equal(port.log, ['needed', 'terminated']);
    await settle();
    assert.equal(losses, []);
  }));

test('the process is held while something waits, and only then', async () => {
  const { port, read } = await setUp();
  assert.equal(port.log, []);
  const first = read(0);
  const second = read(1);
  assert.equal(port.log, ['needed']);
  port.answer(1, []);
  await second;
  assert.equal(port.log, ['needed'], 'one waits still');
  port.answer(0, []);
  await first;
  assert.equal(port.log, ['needed', 'idle']);
  const third = read(2);
  port.events.onReply({ id: port.posted[2]!.id, code: 'GPU_OUT_OF_MEMORY', message: 'full' });
  await refused(() => third, 'GPU_OUT_OF_MEMORY');
  assert.equal(port.log, ['needed', 'idle', 'needed', 'idle']);
});

test('open(): no worker is BACKEND_UNAVAILABLE with the reason and the cause', async () => {
  for (const cause of [new Error('blocked by CSP'), 'blocked by CSP']) {
    const error = await refused(
      () => GpuDevice.open(() => Promise.reject(cause)),
      'BACKEND_UNAVAILABLE',
    );
    assert.is(error.message, 'no worker for the GPU: blocked by CSP');
    assert.is(error.cause, cause);
  }
  await refused(
    () => GpuDevice.open(() => assert.unreachable('at once') as never),
    'BACKEND_UNAVAILABLE',
  );
});

test('open(): a worker that dies before it is handed over is a lost device, which nobody waits for', () =>
  withoutUnhandled(async () => {
    const port = new FakePort();
    const device = await GpuDevice.open(async (events) => {
      events.onDead('it never started');
      return port.spawn(events);
    });
    assert.is(await device.lost, 'it never started');
    const error = await refused(() => device.ask('free', { buffers: [] }), 'GPU_LOST');
    assert.is(error.message, 'it never started');
    assert.equal([port.posted, port.log], [[], ['terminated']]);
  }));

test.run();
