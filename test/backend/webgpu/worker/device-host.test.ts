import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DeviceHost } from '../../../../src/backend/webgpu/worker/device-host.ts';
import type { Feed, RunRequest } from '../../../../src/backend/webgpu/protocol.ts';
import {
  answerOf,
  failureOf,
  type HostSetting,
  withHost,
} from '../../../helpers/gpu/device-host.ts';
import { FakeMemoryError } from '../../../helpers/gpu/fake-web-gpu.ts';

const test = suite('DeviceHost');

/** A host that has started and compiled the graph "step". */
function withStarted(work: (setting: HostSetting) => Promise<void>): Promise<void> {
  return withHost({}, async (setting) => {
    answerOf('start', await setting.start());
    await setting.ask('compile', { graph: 'step', model: Uint8Array.of(1) });
    await work(setting);
  });
}

const run = (request: Partial<RunRequest> = {}): RunRequest => ({
  graph: 'step',
  feeds: [],
  writes: [],
  copies: [],
  read: ['logits'],
  ...request,
});

const feed = (name: string, rest: Partial<Feed>): Feed => ({
  name,
  type: 'float32',
  dims: [2],
  ...rest,
});

test('buffers: zeros at first, whole 16 bytes; what is written is read, in one transfer', () =>
  withStarted(async ({ ask, device }) => {
    await ask('allocate', {
      buffers: [
        { buffer: 7, bytes: 20 },
        { buffer: 8, bytes: 8 },
      ],
    });
    assert.equal(
      device.buffers.map(({ size }) => size),
      [32, 16],
    );
    const writes = [
      { buffer: 7, at: 4, data: Float32Array.of(1, 2) },
      { buffer: 8, at: 0, data: Uint16Array.of(0x3c00, 0) },
    ];
    assert.is(answerOf('write', (await ask('write', { writes })).reply), undefined);
    const parts = [
      { buffer: 7, at: 0, bytes: 20 },
      { buffer: 8, at: 0, bytes: 4 },
    ];
    const before = device.submissions;
    const { reply, transfer } = await ask('read', { parts });
    const [first, second] = answerOf('read', reply) as [Float32Array, Float32Array];
    assert.equal([...first], [0, 1, 2, 0, 0]);
    assert.is(new Uint32Array(second.slice().buffer)[0], 0x3c00);
    assert.is(device.submissions, before + 1);
    assert.equal(transfer, [first.buffer], 'both are of one buffer');
    const more = await ask('read', { parts: [...parts, ...parts, ...parts] });
    const again = answerOf('read', more.reply);
    assert.equal([...again.at(-2)!], [0, 1, 2, 0, 0], 'more than before');
    assert.is(device.live, 3, 'the smaller buffer for reading is gone');
  }));

test('buffers: one that is replaced keeps its content, the old one is destroyed; free() destroys', () =>
  withStarted(async ({ ask, device }) => {
    await ask('allocate', { buffers: [{ buffer: 1, bytes: 16 }] });
    const writes = [{ buffer: 1, at: 0, data: Float32Array.of(1, 2, 3, 4) }];
    await ask('write', { writes });
    await ask('allocate', { buffers: [{ buffer: 1, bytes: 32 }] });
    const { reply } = await ask('read', { parts: [{ buffer: 1, at: 0, bytes: 32 }] });
    assert.equal([...answerOf('read', reply)[0]!], [1, 2, 3, 4, 0, 0, 0, 0]);
    assert.equal(
      device.buffers.slice(0, 2).map(({ isDestroyed }) => isDestroyed),
      [true, false],
    );
    const { live } = device;
    await ask('free', { buffers: [1, 99] });
    assert.is(device.live, live - 1);
    const gone = await ask('read', { parts: [{ buffer: 1, at: 0, bytes: 4 }] });
    assert.match(failureOf(gone.reply).message, /buffer 1 was not allocated/);
  }));

test('run: feeds are numbers of their types, or buffers; bound ones are there in every run', () =>
  withStarted(async ({ ask, device, ort }) => {
    await ask('allocate', { buffers: [{ buffer: 1, bytes: 16 }] });
    await ask('bind', { graph: 'step', feeds: [feed('weight', { type: 'float16', buffer: 1 })] });
    const feeds = [
      feed('x', { data: Float32Array.of(1, 2) }),
      feed('rows', { type: 'int32', data: Int32Array.of(3, 4) }),
      feed('size', { type: 'int64', data: BigInt64Array.of(5n, 6n) }),
    ];
    for (let i = 0; i < 2; i++) answerOf('run', (await ask('run', run({ feeds }))).reply);
    assert.is(ort.runs.length, 2);
    for (const { feeds: given, wanted } of ort.runs) {
      assert.equal(wanted, ['logits']);
      const types = Object.entries(given).map(([name, { type }]) => [name, type]);
      assert.equal(Object.fromEntries(types), {
        weight: 'float16',
        x: 'float32',
        rows: 'int32',
        size: 'int64',
      });
      assert.is(given['weight']!.gpuBuffer, device.buffers[0]);
      assert.is(given['weight']!.disposals, 0, 'what is bound stays');
      assert.is(given['x']!.disposals, 1);
    }
    const nothing = await ask('run', run({ feeds: [feed('empty', {})] }));
    assert.match(
      failureOf(nothing.reply).message,
      /"empty" came without numbers and without a buffer/,
    );
  }));

test('run: writes come before, parts of outputs are copied to buffers, outputs read and disposed', () =>
  withStarted(async ({ ask, ort, device }) => {
    await ask('allocate', { buffers: [{ buffer: 1, bytes: 16 }] });
    ort.outputs = (name) => {
      assert.is(new Float32Array(device.buffers[0]!.bytes.buffer)[3], 9, 'written before the run');
      return name === 'logits' ? [1, 2, 3] : [4, 5, 6, 7];
    };
    const { reply } = await ask(
      'run',
      run({
        writes: [{ buffer: 1, at: 12, data: Float32Array.of(9) }],
        copies: [{ output: 'new.ak', from: 4, buffer: 1, at: 4, bytes: 8 }],
        read: ['logits', 'new.ak'],
      }),
    );
    const found = answerOf('run', reply);
    assert.equal(
      found.map((numbers) => [...numbers]),
      [
        [1, 2, 3],
        [4, 5, 6, 7],
      ],
    );
    assert.equal([...new Float32Array(device.buffers[0]!.bytes.buffer)], [0, 5, 6, 9]);
    assert.equal(ort.runs[0]!.wanted, ['logits', 'new.ak'], 'each output once');
    assert.equal(
      ort.given.map(({ disposals }) => disposals),
      [1, 1],
    );
    assert.equal(answerOf('run', (await ask('run', run({ read: [] }))).reply), []);
  }));

test('run: one that rejects, or whose read-back does, is GPU_LOST; outputs are disposed', () =>
  withStarted(async ({ ask, ort, device }) => {
    ort.outputs = () => {
      throw new Error('OrtRun(): error code = 1');
    };
    const rejected = failureOf((await ask('run', run())).reply);
    assert.equal([rejected.code, rejected.message], ['GPU_LOST', 'OrtRun(): error code = 1']);
    ort.outputs = () => [1];
    device.mapFailure = new Error('the device is lost');
    const unread = failureOf((await ask('run', run())).reply);
    assert.equal([unread.code, unread.message], ['GPU_LOST', 'the device is lost']);
    assert.equal(
      ort.given.map(({ disposals }) => disposals),
      [1],
    );
  }));

test('run: what the device reported meanwhile is the error of the run, the first one of all', async () => {
  for (const [error, code] of [
    [new FakeMemoryError('too much'), 'GPU_OUT_OF_MEMORY'],
    [new Error('bad binding'), 'GPU_LOST'],
  ] as const) {
    await withStarted(async ({ ask, ort, device }) => {
      ort.outputs = () => {
        device.report(code === 'GPU_LOST' ? 'validation' : 'out-of-memory', error);
        device.report('validation', new Error('what came of it'));
        return [0];
      };
      const failure = failureOf((await ask('run', run())).reply);
      assert.equal([failure.code, failure.message], [code, error.message]);
      assert.is(ort.given[0]!.disposals, 1);
    });
  }
});

test('allocate: no memory is GPU_OUT_OF_MEMORY, also where that makes a copy invalid', async () => {
  const memory = { filter: 'out-of-memory', error: new FakeMemoryError('no memory') } as const;
  const invalid = { filter: 'validation', error: new Error('invalid buffer') } as const;
  for (const [reported, expected] of [
    [[memory], ['GPU_OUT_OF_MEMORY', 'no memory']],
    [[invalid], ['GPU_LOST', 'invalid buffer']],
    [
      [memory, invalid],
      ['GPU_OUT_OF_MEMORY', 'no memory'],
    ],
  ] as const) {
    await withStarted(async ({ ask, device }) => {
      device.pending.push(...reported);
      const { reply } = await ask('allocate', { buffers: [{ buffer: 1, bytes: 16 }] });
      const { code, message } = failureOf(reply);
      assert.equal([code, message], expected);
      assert.is(device.scopes, 0);
      answerOf('free', (await ask('free', { buffers: [1] })).reply);
    });
  }
});

test('a loss is told before what it broke, and once', () =>
  withStarted(async ({ ask, ort, device, losses }) => {
    ort.outputs = () => {
      setTimeout(() => device.lose('unknown', 'the GPU process crashed'), 5);
      throw new Error('validation error');
    };
    const { reply } = await ask('run', run());
    assert.equal(losses, ['the GPU device was lost (unknown): the GPU process crashed']);
    assert.is(failureOf(reply).code, 'GPU_LOST');
  }));

test('what cannot be answered is a reply, never a rejection', async () => {
  const host = new DeviceHost(() => {});
  const early = await host.answer({ id: 5, kind: 'run', ask: run() });
  assert.equal(early.reply, { id: 5, code: 'GPU_LOST', message: 'the device was not started' });
  await withStarted(async ({ ask }) => {
    const { reply } = await ask('run', run({ graph: 'other' }));
    assert.is(failureOf(reply).message, 'the graph "other" was not compiled');
  });
});

test.run();
