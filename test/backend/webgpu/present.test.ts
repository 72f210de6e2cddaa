import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeVersion, ownGpu } from '../../../src/backend/webgpu/navigator-gpu.ts';
import {
  gpuObstacle,
  hasDawn,
  hasWebGpu,
  noWebGpuReason,
} from '../../../src/backend/webgpu/present.ts';
import { withGlobals } from '../../helpers/fakes/globals.ts';

const test = suite('WebGPU here?');

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs `work` where process.versions is this. */
function withVersions(versions: object | undefined, work: () => void): Promise<void> {
  const fake = versions === undefined ? undefined : { ...process, versions };
  return withGlobals({ process: fake, navigator: {} }, work);
}

test('navigator.gpu is what there is, whatever else', () => {
  const gpu = {};
  return withGlobals({ navigator: { gpu } }, () => {
    assert.is(ownGpu(), gpu);
    assert.ok(hasWebGpu());
  });
});

test('without a navigator or a process there is none, and the reason says no more', async () => {
  await withGlobals({ navigator: undefined, process: undefined }, () => {
    assert.is(ownGpu(), undefined);
    assert.not(hasWebGpu());
    assert.is(noWebGpuReason(), 'no WebGPU here');
  });
});

test('a page is asked for its worker, Deno is not', async () => {
  await withGlobals({ navigator: { gpu: {} }, process: undefined }, () => {
    assert.match(
      gpuObstacle()!,
      /^no worker for the GPU: import startGpuWorker from tpa-wasm\/webgpu/,
    );
    assert.is(gpuObstacle({ worker: () => {} }), undefined);
    assert.is(gpuObstacle({ worker: '/gpu-worker.js' }), undefined);
  });
  await withGlobals({ navigator: { gpu: {} } }, () => assert.is(gpuObstacle(), undefined));
  await withGlobals({ navigator: undefined, process: undefined }, () =>
    assert.is(gpuObstacle({ worker: '/gpu-worker.js' }), 'no WebGPU here'),
  );
});

test('Deno and Bun are no Node, whose package they do not take', async () => {
  for (const other of ['deno', 'bun']) {
    await withVersions({ node: '24.0.0', [other]: '2.0.0' }, () => {
      assert.is(nodeVersion(), undefined);
      assert.not(hasDawn());
      assert.is(noWebGpuReason(), 'no WebGPU here');
    });
  }
});

test('Node without the package: the reason says its version and what to do', async () => {
  for (const node of ['20.19.0', '22.1.0']) {
    await withVersions({ node }, () => {
      assert.is(hasWebGpu(), node.startsWith('22') && isInstalled());
      assert.is(
        noWebGpuReason(),
        `no WebGPU here: Node ${node} has none of its own; Node 22 or later with the package "webgpu" (npm i webgpu) has`,
      );
    });
  }
});

function isInstalled(): boolean {
  try {
    return import.meta.resolve('webgpu') !== '';
  } catch {
    return false;
  }
}

/** A package `webgpu`, as modules resolve it. */
const DAWN = `data:text/javascript,
export const create = (options) => ({ name: 'dawn', options });
export class GPUQueue { writeBuffer(...given) { return given; } }
export const globals = { GPUQueue };`;

const HOOKS = `export async function resolve(specifier, context, next) {
  return specifier === 'webgpu'
    ? { url: ${JSON.stringify(DAWN)}, shortCircuit: true }
    : next(specifier, context);
}`;

const CHILD = `
const { register } = await import('node:module');
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOKS)}));
const { provideGpu } = await import('./src/backend/webgpu/navigator-gpu.ts');
const { hasDawn, hasWebGpu } = await import('./src/backend/webgpu/present.ts');
const versions = (node) => Object.defineProperty(process, 'versions', { value: { node } });
const found = {};
versions('20.19.0');
found.old = [hasDawn(), hasWebGpu(), (await provideGpu()) === undefined];
versions('22.0.0');
found.isAsked = [hasDawn(), hasWebGpu(), globalThis.navigator?.gpu === undefined];
const gpu = await provideGpu();
found.gpu = gpu;
found.isKept = (await provideGpu()) === gpu && navigator.gpu === gpu;
const write = (data, ...rest) => {
  const [buffer, at, given, from, size] = new GPUQueue().writeBuffer('buffer', 8, data, ...rest);
  return [buffer, at, given.constructor.name, given.buffer instanceof ArrayBuffer, given === data, [...given], from, size];
};
const shared = new Uint16Array(new SharedArrayBuffer(8), 2, 3);
shared.set([1, 2, 3]);
found.own = write(Float32Array.of(1, 2), 1, 1);
found.shared = write(shared);
found.part = write(shared, 1, 1);
found.rest = write(shared, 1);
console.log(JSON.stringify(found));
`;

test('Node 22 with the package: its GPU is made when it is asked for; shared memory is copied', async () => {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', CHILD];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  const found = JSON.parse(stdout);
  assert.equal(found.old, [false, false, true]);
  assert.equal(found.isAsked, [true, true, true]);
  assert.equal(found.gpu, { name: 'dawn', options: [] });
  assert.ok(found.isKept);
  assert.equal(found.own, ['buffer', 8, 'Float32Array', true, true, [1, 2], 1, 1]);
  const copied = ['buffer', 8, 'Uint8Array', true, false];
  assert.equal(found.shared, [...copied, [1, 0, 2, 0, 3, 0], null, null]);
  assert.equal(found.part, [...copied, [2, 0], null, null]);
  assert.equal(found.rest, [...copied, [2, 0, 3, 0], null, null]);
});

test.run();
