import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { estimateModel, loadModel, type LoadOptions, type LoraAdapter } from '../../src/index.ts';
import { buildAdapter } from '../helpers/adapters/build-adapter.ts';
import { refused } from '../helpers/checks/refused.ts';
import { MemoryCache } from '../helpers/fakes/memory-cache.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';
import { serveFiles } from '../helpers/servers/file-server.ts';
import { serveHub } from '../helpers/servers/hub-server.ts';

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';

const { source: MODEL, tensors } = llamaVariant('llama-gqa').build();
const ADAPTER = buildAdapter(tensors, { has: (path) => path.endsWith('_proj') }).source;
const FILES = new Map([
  [CONFIG, new TextEncoder().encode(JSON.stringify(ADAPTER.config))],
  [WEIGHTS, ADAPTER.weights],
]);
const MODEL_FILES = new Map([
  ['config.json', new TextEncoder().encode(JSON.stringify(MODEL.config))],
  ['model.safetensors', MODEL.weights as Uint8Array],
]);
const expected = await fingerprint({ source: ADAPTER });

interface Context {
  root: string;
}

const test = suite<Context>('where adapters come from');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-lora-'));
  for (const [name, bytes] of FILES) await writeFile(join(context.root, name), bytes);
});
test.after.each(({ root }) => rm(root, { recursive: true }));

async function fingerprint(adapter: LoraAdapter, options: LoadOptions = {}): Promise<string> {
  using model = await loadModel(MODEL, { backend: 'wasm', lora: [adapter], ...options });
  return model.info().fingerprint;
}

test('a folder, either of its files, a URL of it; an ArrayBuffer, text and a Blob', async ({
  root,
}) => {
  const weights = new Blob([ADAPTER.weights as Uint8Array<ArrayBuffer>]);
  const buffer = new Uint8Array(ADAPTER.weights).buffer;
  const config = JSON.stringify(ADAPTER.config);
  for (const source of [
    root,
    join(root, CONFIG),
    join(root, WEIGHTS),
    pathToFileURL(root),
    pathToFileURL(join(root, WEIGHTS)).href,
    { config: ADAPTER.config, weights },
    { config, weights: buffer },
    { config: FILES.get(CONFIG)!, weights: ADAPTER.weights },
  ]) {
    assert.is(await fingerprint({ source }), expected, String(source));
  }
  using model = await loadModel(MODEL, { backend: 'wasm', lora: [{ source: root }] });
  assert.is(model.info().adapters[0]!.source, root);
});

test('a folder without the files, and one that is not there', async ({ root }) => {
  const empty = join(root, 'empty');
  await mkdir(empty);
  await refused(
    () => fingerprint({ source: empty }),
    'MODEL_NOT_FOUND',
    /there is no file "adapter_config\.json" in the adapter ".*": pass the folder/,
  );
  await rm(join(root, WEIGHTS));
  await refused(() => fingerprint({ source: root }), 'MODEL_NOT_FOUND', /adapter_model/);
  await refused(() => fingerprint({ source: join(root, 'x') }), 'MODEL_NOT_FOUND', /no file or/);
  await refused(() => estimateModel(MODEL, { lora: [{ source: empty }] }), 'MODEL_NOT_FOUND');
});

test('an address, of the folder or of a file in it, which a cache keeps', async () => {
  await using server = await serveFiles(FILES);
  for (const source of [
    server.base,
    server.base.replace(/\/$/, ''),
    `${server.base}${CONFIG}`,
    new URL(WEIGHTS, server.base),
  ]) {
    assert.is(await fingerprint({ source }, { cache: 'none' }), expected, String(source));
  }
  const cache = new MemoryCache();
  assert.is(await fingerprint({ source: server.base }, { cache }), expected);
  const asked = server.sent.get(WEIGHTS);
  assert.is(await fingerprint({ source: server.base }, { cache }), expected);
  assert.is(server.sent.get(WEIGHTS), asked);
  using model = await loadModel(MODEL, {
    lora: [{ source: `${server.base}?key=1` }],
    cache: 'none',
  });
  assert.is(`${model.info().adapters[0]!.source}/`, server.base);
});

test('a kept file that has gone bad is fetched anew', async () => {
  await using server = await serveFiles(FILES);
  const cache = new MemoryCache();
  assert.is(await fingerprint({ source: server.base }, { cache }), expected);
  for (const [key, { bytes }] of cache.files)
    if (key.endsWith(WEIGHTS)) bytes.subarray(-8).fill(0xff);
  assert.is(await fingerprint({ source: server.base }, { cache }), expected);
  assert.is(cache.unclosed, 0);
});

test('a repository of a hub, with a revision and a folder, beside a model at hand', async () => {
  const inFolder = new Map(Array.from(FILES, ([name, bytes]) => [`lora/${name}`, bytes]));
  await using hub = await serveHub(
    { 'a/b': FILES, 'a/c': inFolder, 'a/model': MODEL_FILES },
    {},
    'v1',
  );
  const how = { endpoint: hub.endpoint, cache: 'none' } as const;
  for (const source of ['hf:a/b', 'hf:a/b@v1', 'hf:a/c/lora', `hf:a/b/${WEIGHTS}`]) {
    assert.is(await fingerprint({ source }, how), expected, source);
  }
  using model = await loadModel('hf:a/model', { ...how, lora: [{ source: 'hf:a/b' }] });
  assert.is(model.info().fingerprint, expected);
  const estimate = await estimateModel(MODEL, { ...how, lora: [{ source: 'hf:a/b' }] });
  assert.is(estimate.loadedBytes, model.memory().used);
  await refused(
    () => fingerprint({ source: 'hf:a/model' }, how),
    'MODEL_NOT_FOUND',
    /adapter_config/,
  );
});

test('a fetch of the caller gets what is downloaded, be it the adapter alone', async () => {
  const asked: string[] = [];
  const fetch = async ({ url }: Request) => {
    asked.push(url);
    const bytes = FILES.get(url.replace(/^.*\//, '')) as Uint8Array<ArrayBuffer> | undefined;
    return new Response(bytes ?? null, { status: bytes ? 200 : 404 });
  };
  const options = { fetch, cache: 'none' } as const;
  assert.is(await fingerprint({ source: 'https://x.test/lora' }, options), expected);
  assert.equal(new Set(asked).size, 2);
});

test('an abort ends loading, and everything is closed', async () => {
  await using server = await serveFiles(FILES);
  const controller = new AbortController();
  controller.abort();
  const options = { signal: controller.signal, cache: 'none' } as const;
  await refused(() => fingerprint({ source: server.base }, options), 'ABORTED');
});

test.run();
