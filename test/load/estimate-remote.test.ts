import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { estimateModel, type EstimateOptions, loadModel } from '../../src/index.ts';
import { buildGguf, ggufValue } from '../helpers/files/build-gguf.ts';
import { chatGgufParts } from '../helpers/files/chat-gguf.ts';
import { byteLevelMetadata } from '../helpers/files/gguf-vocabulary.ts';
import { MemoryCache } from '../helpers/fakes/memory-cache.ts';
import { asBytes, GOOD_FILES } from '../helpers/models/hostile-models.ts';
import { type Fault, onlyHeads, serveFiles } from '../helpers/servers/file-server.ts';
import { serveHub } from '../helpers/servers/hub-server.ts';
import { refused } from '../helpers/checks/refused.ts';
import { TINY_JSON, tensorNames } from '../helpers/models/tiny-model.ts';
import { parseConfig } from '../../src/format/config/config.ts';
import { expectedTensors } from '../../src/weights/tensors.ts';

const test = suite('estimateModel() of an address');

const WEIGHTS = 'model.safetensors';
const OPTIONS: EstimateOptions = { simd: 'baseline', cache: 'none' };
const weights = GOOD_FILES.get(WEIGHTS)!;
const expected = await estimateModel(asBytes(GOOD_FILES)!, OPTIONS);

/** What is asked for first. */
const FIRST_BYTES = 2 ** 13;
const CHUNKED = { 'content-length': undefined, 'transfer-encoding': 'chunked' };

/** A header that is padded, as safetensors allows, to so many bytes. */
function padded(headerBytes: number): Uint8Array {
  const length = Number(new DataView(weights.buffer).getBigUint64(0, true));
  const file = new Uint8Array(weights.byteLength + headerBytes - length).fill(0x20);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(weights.subarray(8, 8 + length), 8);
  file.set(weights.subarray(8 + length), 8 + headerBytes);
  return file;
}

test('the header alone is asked for, in two pieces', async () => {
  await using server = await serveFiles(GOOD_FILES);
  assert.equal(await estimateModel(server.base, OPTIONS), expected);
  assert.ok(weights.byteLength > 4 * FIRST_BYTES);
  assert.equal(server.log, ['GET config.json 0-', `GET ${WEIGHTS} 0-${FIRST_BYTES - 1}`]);
  assert.is(server.sent.get(WEIGHTS), FIRST_BYTES);

  const headerBytes = 5 * FIRST_BYTES;
  const long = padded(headerBytes);
  await using longer = await serveFiles(new Map([...GOOD_FILES, [WEIGHTS, long]]));
  const estimate = await estimateModel(longer.base, OPTIONS);
  assert.equal(estimate, { ...expected, fileBytes: long.byteLength });
  assert.equal(longer.log.slice(1), [
    `GET ${WEIGHTS} 0-${FIRST_BYTES - 1}`,
    `GET ${WEIGHTS} ${FIRST_BYTES}-${8 + headerBytes - 1}`,
  ]);
  assert.is(longer.sent.get(WEIGHTS), 8 + headerBytes);
});

test('a server without ranges is let go after the header', async () => {
  for (const headers of [{}, CHUNKED]) {
    // nothing comes after it: who waited for more would wait for ever
    await using server = await serveFiles(GOOD_FILES, ({ file }) =>
      file === WEIGHTS ? { ignoresRange: true, stallAfter: FIRST_BYTES, headers } : undefined,
    );
    const estimate = await estimateModel(server.base, OPTIONS);
    const { fileBytes, ...rest } = estimate;
    assert.equal({ ...rest, fileBytes: expected.fileBytes }, expected);
    // of what nobody says how long it is the tensors are counted
    const header = 8 + Number(new DataView(weights.buffer).getBigUint64(0, true));
    assert.is(fileBytes, headers === CHUNKED ? weights.byteLength - header : weights.byteLength);
    assert.is(server.log.length, 2);
  }
});

/** Answers as a browser sees them from another origin: without Content-Range. */
async function hidden(request: Request): Promise<Response> {
  const response = await fetch(request);
  const headers = new Headers(response.headers);
  headers.delete('content-range');
  const { body, status } = response;
  return Object.defineProperties(new Response(body, { status, headers }), {
    type: { value: 'cors' },
  });
}

test('a piece that hides the size of its file: the rest is asked for, and let go', async () => {
  await using server = await serveFiles(GOOD_FILES, ({ file, to }) =>
    file === WEIGHTS && to === undefined ? { stallAfter: FIRST_BYTES } : undefined,
  );
  assert.equal(await estimateModel(server.base, { ...OPTIONS, fetch: hidden }), expected);
  assert.equal(server.log.slice(1), [`GET ${WEIGHTS} 0-${FIRST_BYTES - 1}`, `GET ${WEIGHTS} 0-`]);
  // the same where the total is not said
  const headers = { 'content-range': `bytes 0-${FIRST_BYTES - 1}/*` };
  await using other = await serveFiles(GOOD_FILES, ({ file, to }): Fault | undefined => {
    if (file !== WEIGHTS) return undefined;
    return to === undefined ? { stallAfter: FIRST_BYTES } : { headers };
  });
  assert.equal(await estimateModel(other.base, OPTIONS), expected);
});

test('a model of a billion parameters is estimated from a server that has none of its weights', async () => {
  const { source, header, size } = vastModel();
  const files = new Map([
    ['config.json', source],
    [WEIGHTS, header],
  ]);
  await using server = await serveFiles(files, ({ file, from = 0, to = 0 }) => {
    if (file !== WEIGHTS) return undefined;
    const end = Math.min(to + 1, header.byteLength);
    return { headers: { 'content-range': `bytes ${from}-${end - 1}/${size}` } };
  });
  const estimate = await estimateModel(server.base, { ...OPTIONS, memoryLimit: 2 ** 31 });
  assert.is(estimate.fileBytes, size);
  assert.ok(estimate.parameters > 1e9);
  assert.is(estimate.dtype, 'q8');
  assert.ok(estimate.fits && estimate.weightBytes > 1.06 * estimate.parameters);
  assert.ok((server.sent.get(WEIGHTS) ?? 0) <= header.byteLength);
});

test('shards: a header of each', async () => {
  const length = Number(new DataView(weights.buffer).getBigUint64(0, true));
  const json = new TextDecoder().decode(weights.subarray(8, 8 + length));
  const names = Object.keys(JSON.parse(json) as object);
  const map = Object.fromEntries(names.map((name) => [name, 'model-1.safetensors']));
  const index = new TextEncoder().encode(JSON.stringify({ weight_map: map }));
  const files = new Map([
    ['config.json', GOOD_FILES.get('config.json')!],
    ['model.safetensors.index.json', index],
    ['model-1.safetensors', weights],
  ]);
  await using server = await serveFiles(files);
  assert.equal(await estimateModel(server.base, OPTIONS), expected);
  assert.is(server.sent.get('model-1.safetensors'), FIRST_BYTES);
});

test('what is kept is read without a request for it; what is not is not kept in part', async () => {
  const cache = new MemoryCache();
  await using server = await serveFiles(GOOD_FILES);
  await estimateModel(server.base, { ...OPTIONS, cache });
  assert.equal(cache.names(), ['config.json']);
  (await loadModel(server.base, { ...OPTIONS, backend: 'wasm', cache })).dispose();
  server.log.length = 0;
  assert.equal(await estimateModel(server.base, { ...OPTIONS, cache }), expected);
  assert.ok(onlyHeads(server.log), server.log.join());
  assert.is(cache.unclosed, 0);
});

test('a kept file that has gone bad is asked for again', async () => {
  const cache = new MemoryCache();
  await using server = await serveFiles(GOOD_FILES);
  (await loadModel(server.base, { ...OPTIONS, backend: 'wasm', cache })).dispose();
  const key = `${server.base}${WEIGHTS}`;
  const { facts, bytes } = cache.files.get(key)!;
  cache.files.set(key, { facts, bytes: bytes.map((byte, at) => (at === 12 ? 0 : byte)) });
  server.sent.clear();
  assert.equal(await estimateModel(server.base, { ...OPTIONS, cache }), expected);
  assert.is(server.sent.get(WEIGHTS), FIRST_BYTES);
});

test('GGUF: its header, with the vocabulary', async () => {
  const { metadata, tensors } = chatGgufParts(byteLevelMetadata());
  const padding = ['general.description', ggufValue('x'.repeat(3 * FIRST_BYTES))] as const;
  const parts = { metadata: [padding, ...metadata], tensors };
  const file = buildGguf(parts);
  const headerBytes = buildGguf({ ...parts, tensors: [] }).byteLength;
  const inMemory = await estimateModel(file, OPTIONS);
  assert.is(inMemory.fileBytes, file.byteLength);
  const name = 'model.gguf';
  const weightBytes = tensors.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  for (const fault of [
    {},
    { ignoresRange: true, stallAfter: file.byteLength - 1000 },
    { ignoresRange: true, stallAfter: file.byteLength - 1000, headers: CHUNKED },
  ]) {
    await using server = await serveFiles(new Map([[name, file]]), fault);
    const estimate = await estimateModel(`${server.base}${name}`, OPTIONS);
    const isCounted = fault.headers === CHUNKED;
    assert.equal(estimate, { ...inMemory, ...(isCounted && { fileBytes: weightBytes }) });
    if (fault.ignoresRange) continue;
    // what is read at once goes a little beyond
    const most = 1.5 * headerBytes + 2 ** 16;
    assert.ok(server.sent.get(name)! <= most, `${server.sent.get(name)} bytes`);
    assert.ok(file.byteLength > most);
  }
});

test('a model of a hub', async () => {
  await using hub = await serveHub({ 'org/name': GOOD_FILES });
  const { endpoint } = hub;
  assert.equal(await estimateModel('hf:org/name', { ...OPTIONS, endpoint }), expected);
  assert.is(hub.storage.sent.get(`org/name/${WEIGHTS}`), FIRST_BYTES);
  const missing = () => estimateModel('hf:org/other', { ...OPTIONS, endpoint });
  await refused(missing, 'MODEL_NOT_FOUND', /no model "org\/other"/);
});

test.run();

/** A T6 of 1.1 billion parameters in bfloat16: config.json, and the header of its weights. */
function vastModel(): {
  readonly source: Uint8Array;
  readonly header: Uint8Array;
  readonly size: number;
} {
  const config = {
    ...TINY_JSON,
    n_layer: 28,
    n_head: 32,
    head_dim: 64,
    n_embd: 2048,
    vocab_size: 32_000,
    block_size: 2048,
    using_groupnorm: false,
  };
  const entries: Record<string, object> = {};
  let at = 0;
  for (const { name, shape } of expectedTensors(parseConfig(config, tensorNames()))) {
    const bytes = 2 * shape.reduce((product, n) => product * n, 1);
    entries[name] = { dtype: 'BF16', shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  const header = new Uint8Array(8 + json.byteLength);
  new DataView(header.buffer).setBigUint64(0, BigInt(json.byteLength), true);
  header.set(json, 8);
  const source = new TextEncoder().encode(JSON.stringify(config));
  return { source, header, size: header.byteLength + at };
}
