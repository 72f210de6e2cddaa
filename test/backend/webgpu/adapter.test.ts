import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  describeAdapter,
  isSoftwareAdapter,
  requestAdapter,
  requestDevice,
} from '../../../src/backend/webgpu/adapter.ts';
import {
  fakeAdapter,
  type FakeAdapterOptions,
  FakeWebGpuDevice,
} from '../../helpers/gpu/fake-web-gpu.ts';
import type { TpaError } from '../../../src/base/errors.ts';
import { withFakeTimers } from '../../helpers/fakes/globals.ts';
import { never } from '../../helpers/fakes/silence.ts';

const test = suite('adapters');

const gpuOf = (request: GPU['requestAdapter']): GPU =>
  ({ requestAdapter: request }) as unknown as GPU;
const nameOf = (options: FakeAdapterOptions): string => describeAdapter(fakeAdapter(options));

test('isSoftwareAdapter(): by every name, wherever it stands, and by either flag', () => {
  const names = [
    'SwiftShader',
    'llvmpipe (LLVM 15.0.6, 256 bits)',
    'lavapipe',
    'Software Rasterizer',
    'Microsoft Basic Render Driver',
  ];
  for (const name of names) {
    for (const key of ['description', 'vendor', 'architecture', 'device']) {
      const spelled = key === 'vendor' ? name.toLowerCase() : name;
      assert.ok(isSoftwareAdapter(fakeAdapter({ [key]: spelled })), `${key} ${name}`);
    }
  }
  assert.ok(isSoftwareAdapter(fakeAdapter({ isFallback: true })));
  assert.ok(isSoftwareAdapter(fakeAdapter({ wasFallback: true })));
  const real = { description: 'NVIDIA H200', vendor: 'nvidia', architecture: 'hopper' };
  assert.not(isSoftwareAdapter(fakeAdapter(real)));
  assert.not(isSoftwareAdapter(fakeAdapter({ ...real, wasFallback: false })));
});

test('describeAdapter(): its description, else vendor and architecture, else unnamed', () => {
  assert.is(nameOf({ description: 'NVIDIA H200' }), 'NVIDIA H200');
  assert.is(nameOf({ vendor: 'amd', architecture: 'rdna-3' }), 'amd rdna-3');
  assert.is(nameOf({ vendor: '', architecture: 'xe' }), 'xe');
  assert.is(nameOf({ vendor: '', architecture: '' }), 'unnamed adapter');
});

const ANY = { allowsSoftware: true };

test('requestAdapter(): what there is, an error for none; the preference is passed on if given', async () => {
  const adapter = fakeAdapter();
  const asked: unknown[] = [];
  const gpu = gpuOf(async (options) => {
    asked.push(options);
    return adapter;
  });
  assert.is(await requestAdapter(gpu, ANY), adapter);
  assert.is(await requestAdapter(gpu, { ...ANY, powerPreference: 'low-power' }), adapter);
  assert.equal(asked, [{}, { powerPreference: 'low-power' }]);
  const none = requestAdapter(
    gpuOf(async () => null),
    ANY,
  );
  const error: unknown = await none.catch((reason: unknown) => reason);
  assert.is((error as TpaError).code, 'BACKEND_UNAVAILABLE');
});

test('an adapter or a device that does not answer is given up after 5 s, no timer is left', () =>
  withFakeTimers(async (clock) => {
    const waits: [Promise<unknown>, RegExp][] = [
      [requestAdapter(gpuOf(never), ANY), /^the GPU adapter did not answer in 5 s$/],
      [
        requestDevice(fakeAdapter({ requestDevice: never })),
        /^the GPU device did not answer in 5 s$/,
      ],
    ];
    for (const [waiting] of waits) waiting.catch(() => {});
    clock.advance(4999);
    assert.is(clock.timers, 2);
    clock.advance(1);
    for (const [waiting, message] of waits) {
      const error: unknown = await waiting.catch((reason: unknown) => reason);
      assert.match((error as Error).message, message);
    }
    await requestAdapter(
      gpuOf(async () => fakeAdapter()),
      ANY,
    );
    await requestDevice(fakeAdapter());
    const failing = gpuOf(() => Promise.reject(new Error('no')));
    await requestAdapter(failing, ANY).catch(() => {});
    assert.is(clock.timers, 0);
  }));

test('requestDevice(): asks for the limits and features that the adapter has, no others', async () => {
  const device = new FakeWebGpuDevice().asDevice();
  let asked: GPUDeviceDescriptor = {};
  const adapter = fakeAdapter({
    features: ['shader-f16', 'timestamp-query'],
    limits: { maxBufferSize: 4e9, maxComputeWorkgroupSizeX: 1024, maxBindGroups: 8 },
    requestDevice: async (descriptor) => {
      asked = descriptor;
      return device;
    },
  });
  assert.is(await requestDevice(adapter), device);
  assert.equal(asked.requiredFeatures, ['shader-f16']);
  const limits = asked.requiredLimits as Record<string, number>;
  assert.is(limits['maxBufferSize'], 4e9);
  assert.is(limits['maxStorageBufferBindingSize'], 2 ** 27);
  assert.is(limits['maxComputeWorkgroupSizeX'], 1024);
  assert.not('maxBindGroups' in limits);
});

test.run();
