import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasWebGpu } from '../../src/backend/webgpu/present.ts';
import { loadModel, type LoadOptions } from '../../src/index.ts';
import { withGlobals } from '../helpers/fakes/globals.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';

const test = suite('loadModel() and backends');

const { source } = mechanismVariant('tpa').build();
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Refuses to load what only a GPU needs. */
const HOOKS = `export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (/webgpu\\/open|onnxruntime/.test(found.url)) throw new Error('loads ' + found.url);
  return found;
}`;

const CHILD = `
const { register } = await import('node:module');
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOKS)}));
const { loadModel } = await import('./src/index.ts');
const model = await loadModel('models/t6-stories.gguf');
const { backend, backendReason, routes } = model.info();
await model.createSession().prefill([1, 2, 3]);
model.dispose();
const refusal = await import('./src/backend/webgpu/open.ts').catch(({ message }) => message);
console.log(JSON.stringify({ backend, backendReason, routes, refusal }));
`;

test("'auto' without WebGPU: the CPU, a reason in words, and nothing of the GPU's is loaded", async () => {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', CHILD];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  const { backend, backendReason, routes, refusal } = JSON.parse(stdout);
  assert.is(backend, 'wasm');
  assert.match(backendReason, /^no WebGPU here/);
  const phase = { backend: 'wasm', switchesAt: null };
  assert.equal(routes, { prefill: phase, decode: phase });
  assert.match(refusal, /^loads .*webgpu\/open/, 'the hooks work');
});

test("'wasm' does not so much as look at WebGPU", async () => {
  const navigator = {
    get gpu(): never {
      throw new Error('looked at navigator.gpu');
    },
  };
  await withGlobals({ navigator }, async () => {
    (await loadModel(source, { backend: 'wasm', simd: 'baseline' })).dispose();
  });
});

test("'wasm' is asked for; 'webgpu' without WebGPU is refused before anything is read", async () => {
  using model = await loadModel(source, { backend: 'wasm', simd: 'baseline' });
  assert.is(model.info().backend, 'wasm');
  assert.is(model.info().backendReason, 'asked for');
  if (hasWebGpu()) return;
  const error = await refused(
    () => loadModel('/nonexistent', { backend: 'webgpu' }),
    'BACKEND_UNAVAILABLE',
  );
  assert.match(error.message, /no WebGPU here/);
});

test('odd GPU options are TypeError or RangeError that name what was expected', async () => {
  const load = (options: object) => () => loadModel(source, options as LoadOptions);
  await assertMistakes([
    [load({ gpuDtype: 'q8' }), RangeError, /^"gpuDtype" expected "float32" or "float16", got "q8"/],
    [load({ webgpu: null }), TypeError, /^"webgpu" expected an object, got null/],
  ]);
  const fine = { gpuDtype: 'float16', webgpu: { powerPreference: 'low-power' } } as const;
  (await loadModel(source, { ...fine, backend: 'wasm' })).dispose();
});

test.run();
