import type { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRuntime, loadModel, type RuntimeOptions } from '../../src/index.ts';
import { FakeWorker } from '../helpers/gpu/fake-worker.ts';
import { fakeAdapter, type FakeAdapterOptions, withGpu } from '../helpers/gpu/fake-web-gpu.ts';
import { weightsOf } from '../helpers/sessions/tokens.ts';
import { withGlobals } from '../helpers/fakes/globals.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { until } from '../helpers/fakes/silence.ts';

const test = suite('createRuntime() and loadModel() with a GPU');

const SPEC = { dim: 8, heads: 2, headDim: 4, rankQ: 2, rankK: 1, rankV: 1 };
const rows = (count: number) => new Float32Array(count * SPEC.dim).fill(0.25);
const WEIGHTS = weightsOf(SPEC, rows);
/** Tokens of 192 multiply-adds each, 20 million of which are worth a GPU. */
const WORTH = 110_000;
const { source } = mechanismVariant('tpa').build();

/** As on a Node without WebGPU, whatever this one has. */
const withoutGpu = (work: () => Promise<void>) =>
  withGlobals({ navigator: {}, process: { ...process, versions: { node: '20.19.0' } } }, work);

const REFUSAL = 'onnxruntime-web could not be loaded; npm i onnxruntime-web';

/** On an adapter of this kind, with workers that refuse to start. */
function withRefusal(adapter: FakeAdapterOptions, work: () => Promise<void>): Promise<void> {
  FakeWorker.workers.length = 0;
  FakeWorker.onRequest = (worker, { id }) =>
    worker.reply({ id, code: 'BACKEND_UNAVAILABLE', message: REFUSAL });
  return withGlobals({ Worker: FakeWorker }, () => withGpu(async () => fakeAdapter(adapter), work));
}

test("'webgpu' without WebGPU: BACKEND_UNAVAILABLE in words that say what to do", () =>
  withoutGpu(async () => {
    for (const open of [
      () => createRuntime({ backend: 'webgpu', simd: 'baseline' }),
      () => loadModel(source, { backend: 'webgpu', simd: 'baseline' }),
    ]) {
      const { message } = await refused(open, 'BACKEND_UNAVAILABLE');
      assert.match(
        message,
        /^"backend": "webgpu" is not available: no WebGPU here: Node 20.19.0 has none of its own; Node 22 or later with the package "webgpu" \(npm i webgpu\) has$/,
      );
    }
  }));

test("'auto' without WebGPU, and 'wasm': the CPU computes, and info() says why", () =>
  withoutGpu(async () => {
    for (const [backend, reason] of [
      ['auto', /^no WebGPU here: Node 20/],
      ['wasm', /^asked for$/],
    ] as const) {
      using runtime = await createRuntime({ backend, simd: 'baseline' });
      const { ak } = await runtime.factorizeAsync(rows(1), WEIGHTS, SPEC, 0);
      assert.equal(ak, runtime.factorize(rows(1), WEIGHTS, SPEC, 0).ak);
      assert.is(runtime.info().backend, 'wasm');
      assert.match(runtime.info().backendReason, reason);
      assert.not('gpu' in runtime.info());
    }
  }));

test("createRuntime(): 'webgpu' throws what the worker says, 'auto' goes on without and says it", () =>
  withRefusal({}, async () => {
    const error = await refused(
      () => createRuntime({ backend: 'webgpu', simd: 'baseline' }),
      'BACKEND_UNAVAILABLE',
    );
    assert.is(error.message, REFUSAL);
    using runtime = await createRuntime({ backend: 'auto', simd: 'baseline' });
    assert.is(FakeWorker.workers.length, 1, 'not opened before it is of use');
    await runtime.factorizeAsync(rows(9), WEIGHTS, SPEC, 0);
    assert.is(runtime.info().backendReason, 'no operation was worth a GPU yet');
    await runtime.factorizeAsync(rows(WORTH), WEIGHTS, SPEC, 0);
    await until(() => runtime.info().backendReason === REFUSAL);
    assert.equal(
      FakeWorker.workers.map(({ terminations }) => terminations),
      [1, 1],
    );
  }));

test('createRuntime(): threads that had started end with a GPU that does not', () =>
  withRefusal({}, async () => {
    const living = new Set<Worker>();
    const note = (worker: Worker): void => {
      living.add(worker);
      worker.once('exit', () => living.delete(worker));
    };
    process.on('worker', note);
    try {
      const options = { backend: 'webgpu', threads: 3, simd: 'baseline' } as const;
      const creating = refused(() => createRuntime(options), 'BACKEND_UNAVAILABLE');
      await until(() => living.size === 2);
      await creating;
      await until(() => living.size === 0);
    } finally {
      process.off('worker', note);
    }
  }));

test("createRuntime(): 'auto' takes no software adapter, 'webgpu' does", () =>
  withRefusal({ description: 'llvmpipe' }, async () => {
    using runtime = await createRuntime({ backend: 'auto', simd: 'baseline' });
    await runtime.factorizeAsync(rows(9), WEIGHTS, SPEC, 0);
    assert.is(runtime.info().backendReason, 'no operation was worth a GPU yet');
    await runtime.factorizeAsync(rows(WORTH), WEIGHTS, SPEC, 0);
    await until(() => runtime.info().backendReason.startsWith('the only adapter, llvmpipe'));
    assert.is(FakeWorker.workers.length, 0);
    await refused(() => createRuntime({ backend: 'webgpu' }), 'BACKEND_UNAVAILABLE');
    const [{ received }] = FakeWorker.workers as [FakeWorker];
    assert.equal(received[0]!.ask, { allowsSoftware: true, needsHalf: false });
  }));

test('createRuntime(): odd options are TypeError or RangeError that name what was expected', async () => {
  const odd: [object, ErrorConstructor, RegExp][] = [
    [{ backend: 'gpu' }, RangeError, /^"backend" expected "auto", "wasm" or "webgpu", got "gpu"/],
    [{ backend: null }, RangeError, /^"backend" expected/],
    [{ webgpu: 5 }, TypeError, /^"webgpu" expected an object, got 5/],
    [{ webgpu: { module: 5 } }, TypeError, /^"webgpu.module" expected a string or a URL/],
    [{ webgpu: { path: '/' } }, TypeError, /^"path" is not an option of webgpu/],
    [{ webgpu: { wasmPaths: {} } }, TypeError, /^"webgpu.wasmPaths" expected a string or a URL/],
    [
      { webgpu: { worker: 1 } },
      TypeError,
      /^"webgpu.worker" expected startGpuWorker, a string or a URL, got 1/,
    ],
    [{ webgpu: { powerPreference: 'max' } }, RangeError, /^"webgpu.powerPreference" expected/],
    [{ gpuDtype: 'float16' }, TypeError, /^"gpuDtype" is not an option of createRuntime/],
  ];
  await assertMistakes(
    odd.map(([given, ...rest]) => [() => createRuntime(given as RuntimeOptions), ...rest]),
  );
  const webgpu = {
    module: new URL('file:///ort.mjs'),
    wasmPaths: '/ort/',
    powerPreference: 'low-power',
  } as const;
  (await createRuntime({ backend: 'wasm', webgpu })).dispose();
});

test.run();
