import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DeviceHost } from '../../../src/backend/webgpu/worker/device-host.ts';
import { answerOf, failureOf, withHost } from '../../helpers/gpu/device-host.ts';
import { FakeOnnxRuntime } from '../../helpers/gpu/fake-onnxruntime.ts';
import { FakeWebGpuDevice } from '../../helpers/gpu/fake-web-gpu.ts';
import { withGlobals } from '../../helpers/fakes/globals.ts';

const test = suite('DeviceHost, start');

test('start: reports adapter, version, the smaller of both limits of a buffer, and float16', () =>
  withHost(
    {
      adapter: { description: 'NVIDIA H200' },
      device: new FakeWebGpuDevice({ maxBufferSize: 1e9, maxStorageBufferBindingSize: 2e9 }, [
        'shader-f16',
      ]),
    },
    async ({ start, ort }) => {
      assert.equal(answerOf('start', await start()), {
        adapter: 'NVIDIA H200',
        isSoftware: false,
        version: '1.30.0',
        maxBytes: 1e9,
        hasHalf: true,
      });
      assert.equal(ort.env.wasm, { numThreads: 1 });
      assert.is(ort.env.logLevel, 'fatal');
    },
  ));

test('start: the preference reaches the adapter', async () => {
  let asked: unknown;
  const requestAdapter = async (options: unknown) => {
    asked = options;
    return null;
  };
  await withHost({ requestAdapter }, async ({ start }) => {
    failureOf(await start({ powerPreference: 'low-power' }));
  });
  assert.equal(asked, { powerPreference: 'low-power' });
});

for (const [name, options, message] of [
  [
    'a software adapter',
    { adapter: { description: 'llvmpipe (LLVM 15)' } },
    /^the only adapter, llvmpipe \(LLVM 15\), is software$/,
  ],
  [
    'a device that is refused',
    { adapter: { requestDevice: () => Promise.reject(new TypeError('limit too high')) } },
    /^limit too high$/,
  ],
] as const) {
  test(`start: ${name} is BACKEND_UNAVAILABLE`, () =>
    withHost(options, async ({ start, ort }) => {
      const failure = failureOf(await start());
      assert.is(failure.code, 'BACKEND_UNAVAILABLE');
      assert.match(failure.message, message);
      assert.is(ort.env.logLevel, 'warning', 'onnxruntime-web was not touched');
    }));
}

test('start: no navigator.gpu is BACKEND_UNAVAILABLE', () =>
  withGlobals({ navigator: {} }, async () => {
    const host = new DeviceHost(() => {});
    const ask = { allowsSoftware: true, needsHalf: false };
    const { reply } = await host.answer({ id: 0, kind: 'start', ask });
    assert.equal(reply, {
      id: 0,
      code: 'BACKEND_UNAVAILABLE',
      message: 'no WebGPU in workers here',
    });
  }));

test('start: a software adapter that is asked for is taken and said to be one', () =>
  withHost({ adapter: { description: 'llvmpipe' } }, async ({ start }) => {
    const report = answerOf('start', await start({ allowsSoftware: true }));
    assert.is(report.isSoftware, true);
  }));

test('start: float16 weights need shader-f16', async () => {
  await withHost({}, async ({ start }) => {
    const { code, message } = failureOf(await start({ needsHalf: true }));
    assert.is(code, 'BACKEND_UNAVAILABLE');
    assert.is(message, 'acme one has no shader-f16, which "gpuDtype": "float16" needs');
    answerOf('start', await start());
  });
  await withHost({ adapter: { features: ['shader-f16'] } }, async ({ start }) => {
    answerOf('start', await start({ needsHalf: true }));
  });
});

test('start: versions of onnxruntime-web outside the tested range are refused with what to install', async () => {
  const outside = ['1.29.9', '1.4.30', '0.31.0', '2.0.0', '2.30.1', 'unknown'];
  for (const web of outside) {
    await withHost({ ort: new FakeOnnxRuntime({ common: '1.30.0', web }) }, async ({ start }) => {
      const { code, message } = failureOf(await start());
      assert.is(code, 'BACKEND_UNAVAILABLE');
      assert.is(
        message,
        `onnxruntime-web ${web} is outside the tested range, 1.30 and later before 2; npm i onnxruntime-web@^1.30`,
      );
    });
  }
  const inside = {
    '1.30.2': { common: '1.0.0', web: '1.30.2' },
    '1.31.0-dev.20260101 (tested with 1.30)': { common: '1.31.0-dev.20260101' },
  };
  for (const [words, versions] of Object.entries(inside)) {
    await withHost({ ort: new FakeOnnxRuntime(versions) }, async ({ start }) => {
      assert.is(answerOf('start', await start()).version, words);
    });
  }
});

test('start: a module that cannot be imported is named, with what to install or to set', () =>
  withHost({}, async ({ start }) => {
    const { code, message } = failureOf(await start({ module: 'file:///nowhere/ort.mjs' }));
    assert.is(code, 'BACKEND_UNAVAILABLE');
    assert.match(
      message,
      /^onnxruntime-web could not be loaded from file:\/\/\/nowhere\/ort.mjs: .*Cannot find module.*; npm i onnxruntime-web, or set "webgpu": \{ module \}$/,
    );
  }));

test('start: wasmPaths is a folder, with or without its slash', async () => {
  for (const wasmPaths of ['https://cdn.test/ort', 'https://cdn.test/ort/']) {
    await withHost({}, async ({ start, ort }) => {
      await start({ wasmPaths });
      assert.is(ort.env.wasm.wasmPaths, 'https://cdn.test/ort/');
    });
  }
});

for (const [wasmPaths, tried] of [
  ['https://cdn.test/ort', 'in https://cdn.test/ort/'],
  [undefined, 'beside its module'],
] as const) {
  test(`compile: .wasm files that are not ${tried} are told of, with what to set`, () =>
    withHost({}, async ({ start, ask, ort }) => {
      await start(wasmPaths === undefined ? {} : { wasmPaths });
      ort.refusal = 'no available backend found. ERR: [webgpu] Error: 404';
      const { reply } = await ask('compile', { graph: 'step', model: Uint8Array.of(1) });
      assert.equal(failureOf(reply), {
        id: 1,
        code: 'BACKEND_UNAVAILABLE',
        message: `onnxruntime-web could not start, its .wasm and .mjs files were looked for ${tried}: ${ort.refusal}; set "webgpu": { wasmPaths } to the folder that has them`,
      });
    }));
}

test('compile: onnxruntime-web itself is told from a graph, by what it says', () =>
  withHost({}, async ({ start, ask }) => {
    const module = import.meta.resolve('onnxruntime-web/webgpu');
    const wasmPaths = 'file:///nowhere';
    answerOf('start', await start({ module, wasmPaths }));
    const { reply } = await ask('compile', { graph: 'step', model: Uint8Array.of(1) });
    const { code, message } = failureOf(reply);
    assert.is(code, 'BACKEND_UNAVAILABLE');
    assert.match(message, /^onnxruntime-web could not start, .* in file:\/\/\/nowhere\/: /);
  }));

test('compile: a graph that is refused is BACKEND_UNAVAILABLE with the reason', () =>
  withHost({}, async ({ start, ask, ort }) => {
    await start();
    ort.refusal = 'This session contains graph nodes that are assigned to the default CPU EP';
    const { reply } = await ask('compile', { graph: 'step', model: Uint8Array.of(1) });
    const { code, message } = failureOf(reply);
    assert.is(code, 'BACKEND_UNAVAILABLE');
    assert.is(message, `onnxruntime-web refused the graph: ${ort.refusal}`);
  }));

test('compile: sessions are on the device, no node may fall back to the CPU, outputs stay there', () =>
  withHost({}, async ({ start, ask, ort, device }) => {
    await start();
    const model = Uint8Array.of(1, 2, 3);
    answerOf('compile', (await ask('compile', { graph: 'step', model })).reply);
    const [{ model: given, options }] = ort.sessions as [(typeof ort.sessions)[0]];
    assert.is(given, model);
    assert.equal(options['executionProviders'], [{ name: 'webgpu', device }]);
    assert.is(options['preferredOutputLocation'], 'gpu-buffer');
    assert.equal(options['extra'], { session: { disable_cpu_ep_fallback: '1' } });
  }));

test.run();
