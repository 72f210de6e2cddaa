import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type LoadOptions, type ModelSource } from '../../../src/index.ts';
import { buildAdapter } from '../../helpers/adapters/build-adapter.ts';
import { outcomeOf, refused } from '../../helpers/checks/refused.ts';
import { MemoryCache } from '../../helpers/fakes/memory-cache.ts';
import { llamaVariant } from '../../helpers/models/llama-model.ts';
import { GOOD_FILES } from '../../helpers/models/hostile-models.ts';
import { livelyT6 } from '../../helpers/models/t6-model.ts';
import { serveFiles } from '../../helpers/servers/file-server.ts';
import { startModelWorker } from '../../helpers/workers/model-worker.ts';

const IDS = [1, 2, 3, 4, 5];
const GGUF = new URL('../../../models/t6-stories.gguf', import.meta.url);

const test = suite('what a caller lends the worker of its model');

test('bytes, buffers, Blobs, parts and folders: the same logits, and the caller keeps its bytes', async () => {
  const bytes = readFileSync(GGUF);
  const expected = await logitsOf(bytes, {});
  const sources: ModelSource[] = [
    bytes,
    new Uint8Array(bytes).buffer,
    new Blob([bytes]),
    { gguf: [new Blob([bytes])] },
    GGUF,
    GGUF.pathname,
  ];
  for (const source of sources) assert.equal(await inWorker(source), expected);
  assert.is(bytes.byteLength, readFileSync(GGUF).byteLength);
  assert.equal(await logitsOf(bytes, {}), expected);
  const { source } = livelyT6(64);
  const text = { ...source, config: JSON.stringify(source.config) };
  assert.equal(await inWorker(text), await logitsOf(source, {}));
});

test('what is no model is refused as it is here: class, code, message and data', async () => {
  const cases: readonly (readonly [unknown, LoadOptions])[] = [
    [5, {}],
    [{}, {}],
    [{ gguf: [] }, {}],
    [new Uint8Array(100), {}],
    ['/nonexistent', {}],
    [{ config: '{', weights: new Uint8Array() }, {}],
    [livelyT6(64).source, { memoryLimit: 2 ** 20 }],
    [livelyT6(64).source, { chatTemplate: 'nothing' }],
    [livelyT6(64).source, { lora: [{ source: '/nonexistent' }] }],
    [livelyT6(64).source, { fetch: async () => new Response() }],
    [{ ...livelyT6(64).source, tokenizer: { model: { type: 'none' } } }, {}],
  ];
  for (const [source, options] of cases) {
    const here = await outcomeOf(() => logitsOf(source as ModelSource, options));
    const there = await outcomeOf(() => inWorker(source as ModelSource, options));
    assert.instance(here, Error);
    assert.is(Object.getPrototypeOf(there), Object.getPrototypeOf(here));
    assert.equal(told(there), told(here));
  }
});

test('fetch: every request is made here, with its headers; what it throws comes back as it is', async () => {
  await using server = await serveFiles(GOOD_FILES);
  const asked: string[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    asked.push(new URL(request.url).pathname);
    return globalThis.fetch(request);
  };
  const logits = await inWorker(server.base, { fetch, cache: 'none' });
  assert.ok(asked.length >= 2);
  assert.equal(logits, await logitsOf(server.base, { cache: 'none' }));
  const thrown = new Error('no network today');
  const failing = async (): Promise<Response> => Promise.reject(thrown);
  const error = await refused(
    () => inWorker(server.base, { fetch: failing, cache: 'none' }),
    'MODEL_NOT_FOUND',
  );
  assert.is(error.cause, thrown);
  for (const odd of [null, undefined, 5, 'text', {}]) {
    const here = () => logitsOf(server.base, { fetch: async () => odd as never, cache: 'none' });
    const there = () => inWorker(server.base, { fetch: async () => odd as never, cache: 'none' });
    assert.equal(told(await outcomeOf(there)), told(await outcomeOf(here)));
  }
});

test('a cache keeps what the worker has downloaded, and gives it the next time', async () => {
  const cache = new MemoryCache();
  await using server = await serveFiles(GOOD_FILES);
  const first = await inWorker(server.base, { cache });
  const names = cache.names();
  assert.ok(names.length >= 2 && cache.unclosed === 0);
  const here = new MemoryCache();
  await logitsOf(server.base, { cache: here });
  assert.equal(names, here.names());
  const read: string[] = [];
  cache.before = (operation) => void read.push(operation);
  assert.equal(await inWorker(server.base, { cache }), first);
  assert.ok(read.includes('read') && !read.includes('write'));
  assert.is(cache.unclosed, 0);
  cache.before = () => {
    throw new Error('no cache today');
  };
  using model = await loadModel(server.base, { ...WORKER, cache });
  assert.equal(model.info().cache, { kind: 'none', reason: 'no cache today' });
});

test('onProgress: the same progress in the same order; what it throws ends loading', async () => {
  const { source } = livelyT6(64);
  const [here, there]: number[][] = [[], []];
  await logitsOf(source, { onProgress: ({ loaded }) => here!.push(loaded) });
  await inWorker(source, { onProgress: ({ loaded }) => there!.push(loaded) });
  assert.ok(here!.length > 1);
  assert.equal(there, here);
  const thrown = new Error('enough');
  const onProgress = (): void => {
    throw thrown;
  };
  assert.is(await outcomeOf(() => inWorker(source, { onProgress })), thrown);
});

test('adapters as bytes, a Blob, or a folder', async () => {
  const { source, tensors } = llamaVariant('llama-gqa').build();
  const adapter = buildAdapter(tensors, { has: (path) => path.endsWith('_proj') }).source;
  const folder = await mkdtemp(join(tmpdir(), 'tpa-lora-'));
  try {
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(adapter.config));
    await writeFile(join(folder, 'adapter_model.safetensors'), adapter.weights);
    const expected = await logitsOf(source, { lora: [{ source: adapter, scale: 0.5 }] });
    assert.not.equal(expected, await logitsOf(source, {}));
    const blob = { ...adapter, weights: new Blob([new Uint8Array(adapter.weights)]) };
    for (const given of [adapter, blob, folder, pathToFileURL(folder)]) {
      const lora = [{ source: given, scale: 0.5 }];
      assert.equal(await inWorker(source, { lora }), expected);
    }
    assert.ok(adapter.weights.byteLength > 0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('kernels as a response, bytes, a module or an address', async () => {
  const { source } = livelyT6(64);
  const expected = await logitsOf(source, {});
  const place = new URL('../../../dist/wasm/tpa-baseline.wasm', import.meta.url);
  const bytes = new Uint8Array(readFileSync(place));
  const module = await WebAssembly.compile(bytes);
  for (const wasm of [new Response(bytes), bytes, bytes.buffer, module]) {
    assert.equal(await inWorker(source, { wasm }), expected);
  }
  assert.ok(bytes.byteLength > 0);
});

test.run();

const WORKER = { simd: 'baseline', backend: 'wasm', worker: startModelWorker } as const;

function inWorker(source: ModelSource, options: LoadOptions = {}): Promise<Float32Array> {
  return logitsOf(source, { ...options, worker: startModelWorker });
}

async function logitsOf(source: ModelSource, options: LoadOptions): Promise<Float32Array> {
  using model = await loadModel(source, { simd: 'baseline', backend: 'wasm', ...options });
  assert.is(model.info().worker, options.worker !== undefined);
  return await model.logits(IDS);
}

/** All that an error tells. */
function told(error: unknown): unknown {
  const { name, message, code, data, retryable } = error as Record<string, unknown>;
  return { name, message, code, data, retryable };
}
