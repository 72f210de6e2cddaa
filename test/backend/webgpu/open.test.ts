import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openOpWebGpu, type OpenGpuOptions, withDevice } from '../../../src/backend/webgpu/open.ts';
import { startGpuWorker } from '../../../src/webgpu.ts';
import { BYTE_REPORT } from '../../helpers/fakes/byte-backend.ts';
import { FakeWorker } from '../../helpers/gpu/fake-worker.ts';
import { fakeAdapter, withGpu } from '../../helpers/gpu/fake-web-gpu.ts';
import { withFakeTimers, withGlobals } from '../../helpers/fakes/globals.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { withoutUnhandled } from '../../helpers/fakes/silence.ts';

const test = suite('opening the GPU');

test.before.each(() => {
  FakeWorker.workers.length = 0;
  FakeWorker.onRequest = (worker, { id }) => worker.reply({ id, answer: BYTE_REPORT as never });
});

const OPTIONS: OpenGpuOptions = { allowsSoftware: false };
const open = (options = OPTIONS, signal = new AbortController().signal) =>
  withDevice(options, signal, async (device, report) => ({ device, report }));

/** What a policy against workers makes of their constructor. */
class BlockedWorker {
  constructor() {
    throw new Error('SecurityError');
  }

  addEventListener(): void {}
}

/** Runs `work` with web workers that are none, on an adapter of this kind. */
function withWorkers(
  requestAdapter: (options?: GPURequestAdapterOptions) => Promise<GPUAdapter | null>,
  work: () => Promise<void>,
): Promise<void> {
  return withGlobals({ Worker: FakeWorker }, () => withGpu(requestAdapter, work));
}
const withAdapter = (work: () => Promise<void>) => withWorkers(async () => fakeAdapter(), work);

test('no navigator.gpu: BACKEND_UNAVAILABLE, no worker', () =>
  withGlobals({ Worker: FakeWorker, navigator: {} }, async () => {
    const error = await refused(() => open(), 'BACKEND_UNAVAILABLE');
    assert.match(error.message, /^no WebGPU here/);
    assert.equal(FakeWorker.workers, []);
  }));

for (const [name, requestAdapter, message] of [
  ['no adapter', async () => null, /^no GPU adapter here: requestAdapter\(\) gave none$/],
  ['an adapter that is refused', () => Promise.reject(new Error('blocklisted')), /^blocklisted$/],
  ['what is no GPU', undefined as never, /is not a function/],
  [
    'a software adapter',
    async () => fakeAdapter({ description: 'Google SwiftShader' }),
    /^the only adapter, Google SwiftShader, is software$/,
  ],
] as const) {
  test(`${name}: BACKEND_UNAVAILABLE, no worker`, () =>
    withWorkers(requestAdapter, async () => {
      const error = await refused(() => open(), 'BACKEND_UNAVAILABLE');
      assert.match(error.message, message);
      assert.equal(FakeWorker.workers, []);
    }));
}

test('a software adapter that is allowed opens; the preference is asked for here too', async () => {
  let asked: unknown;
  const requestAdapter = async (options: unknown) => {
    asked = options;
    return fakeAdapter({ isFallback: true });
  };
  await withWorkers(requestAdapter, async () => {
    await open({ allowsSoftware: true, powerPreference: 'high-performance' });
    assert.equal(asked, { powerPreference: 'high-performance' });
    assert.is(FakeWorker.workers.length, 1);
  });
});

test('the worker is started with what was asked for, and nothing else', () =>
  withAdapter(async () => {
    const { device, report } = await open();
    assert.equal(report, BYTE_REPORT);
    await open({
      allowsSoftware: true,
      dtype: 'float16',
      module: new URL('https://cdn.test/ort.mjs'),
      wasmPaths: 'https://cdn.test/wasm/',
      worker: 'https://app.test/gpu-worker.js',
      powerPreference: 'low-power',
    });
    const [first, second] = FakeWorker.workers as [FakeWorker, FakeWorker];
    assert.match(first.url, /^file:.*\/gpu-worker\.js$/);
    assert.equal(first.options, { type: 'module', name: 'tpa-gpu' });
    assert.equal(first.received[0]!.ask, { allowsSoftware: false, needsHalf: false });
    assert.is(second.url, 'https://app.test/gpu-worker.js');
    assert.equal(second.received[0]!.ask, {
      allowsSoftware: true,
      needsHalf: true,
      module: 'https://cdn.test/ort.mjs',
      wasmPaths: 'https://cdn.test/wasm/',
      powerPreference: 'low-power',
    });
    const data = new Float32Array(1);
    await device.ask('write', { writes: [] }, [data.buffer]);
    assert.equal(first.transfers, [[], [data.buffer]]);
    assert.is(first.terminations, 0);
  }));

test('a page starts the worker itself', () =>
  withAdapter(async () => {
    await open({ allowsSoftware: true, worker: startGpuWorker });
    const [worker] = FakeWorker.workers as [FakeWorker];
    assert.match(worker.url, /^file:.*\/gpu-worker\.js$/);
    assert.equal(worker.options, { type: 'module', name: 'tpa-gpu' });
  }));

test('a start that fails ends the worker', () =>
  withAdapter(async () => {
    FakeWorker.onRequest = (worker, { id }) =>
      worker.reply({ id, code: 'BACKEND_UNAVAILABLE', message: 'npm i onnxruntime-web' });
    const error = await refused(() => open(), 'BACKEND_UNAVAILABLE');
    assert.is(error.message, 'npm i onnxruntime-web');
    assert.is(FakeWorker.workers[0]!.terminations, 1);
  }));

test('what cannot be made of the device ends the worker', () =>
  withAdapter(async () => {
    const failure = new Error('no memory for weights');
    const signal = new AbortController().signal;
    const found: unknown = await withDevice(OPTIONS, signal, () => Promise.reject(failure)).catch(
      (error: unknown) => error,
    );
    assert.is(found, failure);
    assert.is(FakeWorker.workers[0]!.terminations, 1);
  }));

for (const [type, event, message] of [
  ['error', { message: 'SyntaxError' }, /^the GPU worker at .*gpu-worker\.js failed: SyntaxError$/],
  [
    'error',
    {},
    /^the GPU worker at .*gpu-worker\.js failed: it could not be loaded; .*"worker-src"\)$/,
  ],
  ['messageerror', {}, /^the GPU worker sent what cannot be read$/],
] as const) {
  test(`a worker with ${type} ${JSON.stringify(event)}: BACKEND_UNAVAILABLE, nothing is left waiting`, () =>
    withoutUnhandled(() =>
      withAdapter(async () => {
        let prevented = 0;
        FakeWorker.onRequest = (worker) =>
          worker.emit(type, { ...event, preventDefault: () => prevented++ });
        const error = await refused(() => open(), 'BACKEND_UNAVAILABLE');
        assert.match(error.message, message);
        assert.is(FakeWorker.workers[0]!.terminations, 1);
        assert.is(prevented, type === 'error' ? 1 : 0);
      }),
    ));
}

test('a worker that never answers is BACKEND_UNAVAILABLE after 20 s, and is ended', () =>
  withAdapter(() =>
    withFakeTimers(async (clock) => {
      FakeWorker.onRequest = () => queueMicrotask(() => clock.advance(20_000));
      const error = await refused(() => open(), 'BACKEND_UNAVAILABLE');
      assert.is(error.message, 'the GPU worker did not answer in 20 s');
      assert.is(FakeWorker.workers[0]!.terminations, 1);
    }),
  ));

test('a worker that cannot be made is BACKEND_UNAVAILABLE', () =>
  withAdapter(() =>
    withGlobals({ Worker: BlockedWorker }, async () => {
      const error = await refused(() => open(), 'BACKEND_UNAVAILABLE');
      assert.is(error.message, 'no worker for the GPU: SecurityError');
    }),
  ));

test('an abort before the start is ABORTED; one meanwhile, or in make(), ends the worker', () =>
  withAdapter(async () => {
    await refused(() => open(OPTIONS, AbortSignal.abort()), 'ABORTED');
    assert.is(FakeWorker.workers[0]!.terminations, 1);
    assert.equal(FakeWorker.workers[0]!.received, []);

    const starting = new AbortController();
    FakeWorker.onRequest = () => starting.abort();
    await refused(() => open(OPTIONS, starting.signal), 'ABORTED');
    assert.is(FakeWorker.workers[1]!.terminations, 1);

    const making = new AbortController();
    FakeWorker.onRequest = (worker, { id }) => worker.reply({ id, answer: BYTE_REPORT as never });
    const made = withDevice(OPTIONS, making.signal, async (device) => {
      making.abort();
      await device.ask('free', { buffers: [] });
    });
    await refused(() => made, 'ABORTED');
    assert.is(FakeWorker.workers[2]!.terminations, 1);
  }));

test('openOpWebGpu(): operations on the device; an abort that comes later is of no effect', () =>
  withAdapter(async () => {
    const abort = new AbortController();
    const gpu = await openOpWebGpu(OPTIONS)(abort.signal);
    abort.abort();
    const { adapter, isSoftware, version } = BYTE_REPORT;
    assert.equal([gpu.adapter, gpu.isSoftware, gpu.version], [adapter, isSoftware, version]);
    assert.is(FakeWorker.workers[0]!.terminations, 0);
    gpu.dispose();
    gpu.dispose();
    assert.is(FakeWorker.workers[0]!.terminations, 1);
  }));

test.run();
