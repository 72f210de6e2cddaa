import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  loadModel,
  type LoadOptions,
  type LoadProgress,
  type Model,
  type ModelInfo,
} from '../../src/index.ts';
import {
  buildGguf,
  type GgufParts,
  ggufValue,
  partName,
  splitGguf,
} from '../helpers/files/build-gguf.ts';
import { chatGgufParts } from '../helpers/files/chat-gguf.ts';
import { hashOf } from '../helpers/files/bytes.ts';
import { byteLevelMetadata } from '../helpers/files/gguf-vocabulary.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';
import { MemoryCache } from '../helpers/fakes/memory-cache.ts';
import { refused } from '../helpers/checks/refused.ts';
import { type Fault, onlyHeads, type Request, serveFiles } from '../helpers/servers/file-server.ts';

const IDS = [5, 6, 7, 8];
const HEAD_DIM = llamaVariant('llama-gqa').config['head_dim'] as number;
const NAME = 'model-Q4_K_M.gguf';
/** Longer than what is read of a file at once, so that a header takes several reads. */
const PADDING = 'x'.repeat(200_000);
const PARTS = withTensorPadding(chatGgufParts(byteLevelMetadata()));
const FILE = buildGguf(PARTS);
const FILES = new Map([[NAME, FILE]]);

const expected = await logitsInMemory();

const test = suite('loadModel() of the address of a GGUF file');

/** A long header, and tensors with gaps between them. */
function withTensorPadding({ metadata, tensors }: GgufParts): GgufParts {
  const pairs = [
    ['general.alignment', ggufValue(4096)],
    ['general.description', ggufValue(PADDING)],
  ] as const;
  return { metadata: [...pairs, ...metadata], tensors, alignment: 4096 };
}

async function logitsInMemory(): Promise<Float32Array> {
  using model = await loadModel(FILE, { simd: 'baseline', backend: 'wasm' });
  return await model.logits(IDS);
}

const atFirst = (fault: Fault) => (request: Request) => (request.nth === 0 ? fault : undefined);

function load(address: string, options: LoadOptions = {}): Promise<Model> {
  return loadModel(address, { simd: 'baseline', backend: 'wasm', cache: 'none', ...options });
}

async function isSame(address: string, options?: LoadOptions): Promise<ModelInfo> {
  using model = await load(address, options);
  assert.equal(await model.logits(IDS), expected);
  return model.info();
}

test('one request, front to back, with the query of the address; progress by its bytes', async () => {
  const queries: string[] = [];
  await using server = await serveFiles(FILES, ({ query }) => void queries.push(query));
  const seen: LoadProgress[] = [];
  await isSame(`${server.base}${NAME}?download=true&key=a%2Fb`, {
    onProgress: (progress) => void seen.push(progress),
  });
  assert.equal(server.log, [`GET ${NAME} 0-`]);
  assert.equal(queries, ['?download=true&key=a%2Fb']);
  assert.is(server.sent.get(NAME), FILE.byteLength);
  const last = seen.at(-1)!;
  assert.equal([last.file, last.loaded, last.total], [NAME, FILE.byteLength, FILE.byteLength]);
});

test('names that only an address has, and the directory of a file that stands for it', async () => {
  const odd = 'a%20model%20(1).gguf';
  await using server = await serveFiles(new Map([[odd, FILE]]));
  await isSame(`${server.base}${odd}`, { sha256: { [odd]: hashOf(FILE) } });
  for (const file of ['config.json', 'model.safetensors', 'model.safetensors.index.json']) {
    server.log.length = 0;
    await refused(() => load(`${server.base}${file}`), 'MODEL_NOT_FOUND', { file: 'config.json' });
    assert.equal(server.log, ['GET config.json 0-']);
  }
});

test('cut, stalled, refused, compressed, in parts: the same logits, no byte twice', async () => {
  const faults: [string, (request: Request) => Fault | undefined][] = [
    ['cut in the header', atFirst({ cutAfter: 100_000 })],
    ['cut in the weights', atFirst({ cutAfter: FILE.byteLength - 9001 })],
    ['no ranges', () => ({ ignoresRange: true })],
    ['gzip', () => ({ ignoresRange: true, gzip: true })],
    ['parts', () => ({ atMost: 65_001 })],
    ['500 once', atFirst({ status: 500 })],
  ];
  for (const [what, fault] of faults) {
    let isRanged = true;
    await using server = await serveFiles(FILES, (request) => {
      const spoiled = fault(request);
      isRanged &&= !spoiled?.ignoresRange;
      return spoiled;
    });
    await isSame(`${server.base}${NAME}`);
    if (isRanged) assert.is(server.sent.get(NAME), FILE.byteLength, what);
  }
});

test('a cache: the second load asks for headers alone, a spoiled copy is fetched again', async () => {
  const cache = new MemoryCache();
  await using server = await serveFiles(FILES);
  const address = `${server.base}${NAME}`;
  await isSame(address, { cache });
  assert.equal(cache.names(), [NAME]);
  assert.ok(Buffer.from(cache.files.get(address)!.bytes).equals(FILE));
  server.log.length = 0;
  await isSame(address, { cache });
  assert.ok(onlyHeads(server.log) && server.log.length === 1, server.log.join());
  const { facts } = cache.files.get(address)!;
  for (const at of [0, 4]) {
    const bytes = FILE.map((byte, i) => (i === at ? byte ^ 64 : byte));
    cache.files.set(address, { facts, bytes });
    await isSame(address, { cache });
    assert.ok(Buffer.from(cache.files.get(address)!.bytes).equals(FILE));
  }
  await server.close();
  await isSame(address, { cache });
  assert.is(cache.unclosed, 0);
});

test('sha256: the right one, the wrong one, and none for a part', async () => {
  const split = splitGguf(PARTS, 2);
  await using server = await serveFiles(new Map([...FILES, ...split]));
  const address = `${server.base}${NAME}`;
  await isSame(address, { sha256: { [NAME]: hashOf(FILE).toUpperCase() } });
  const cache = new MemoryCache();
  const wrong = { [NAME]: hashOf(new Uint8Array()) };
  await refused(() => load(address, { sha256: wrong, cache }), 'WEIGHTS_HASH', { file: NAME });
  assert.equal(cache.names(), []);
  const [first, second] = [...split.keys()];
  const some = { [first!]: hashOf(split.get(first!)!) };
  await refused(
    () => load(`${server.base}${first}`, { sha256: some }),
    'WEIGHTS_HASH',
    new RegExp(`not of "${second}"; add it$`),
  );
});

test('a split model by any part: each byte is kept once, as it is on the server', async () => {
  for (const count of [2, 5]) {
    const files = splitGguf(PARTS, count);
    await using server = await serveFiles(files);
    for (const name of [partName(0, count), partName(count - 1, count)]) {
      const cache = new MemoryCache();
      await isSame(`${server.base}${name}`, { cache });
      assert.equal(cache.names(), [...files.keys()]);
      for (const [file, content] of files) {
        const { bytes } = cache.files.get(`${server.base}${file}`)!;
        assert.ok(Buffer.from(bytes).equals(content), file);
      }
      assert.is(cache.unclosed, 0);
    }
  }
});

test('divisors of angles behind the weights: one small request beside the stream', async () => {
  const bytes = new Uint8Array(new Float32Array(HEAD_DIM / 2).fill(1).buffer);
  const table = { name: 'rope_freqs.weight', shape: [HEAD_DIM / 2], bytes };
  const file = buildGguf({ ...PARTS, tensors: [...PARTS.tensors, table] });
  const at = file.byteLength - 4096;
  for (const cache of ['none', new MemoryCache()] as const) {
    await using server = await serveFiles(new Map([[NAME, file]]));
    await isSame(`${server.base}${NAME}`, { cache });
    assert.equal(server.log, [`GET ${NAME} 0-`, `GET ${NAME} ${at}-${at + bytes.byteLength - 1}`]);
  }
});

test('what a server answers in place of the file', async () => {
  const cases: [Fault, RegExp][] = [
    [{ status: 404 }, /^there is no file at "http:.*model-Q4_K_M\.gguf": check/],
    [{ status: 401 }, /model-Q4_K_M\.gguf.*HTTP status 401/],
    [{ status: 403 }, /model-Q4_K_M\.gguf.*HTTP status 403/],
    [
      { body: '<html>Log in</html>', headers: { 'content-type': 'text/html' } },
      /model-Q4_K_M\.gguf.*an HTML page/,
    ],
  ];
  for (const [fault, message] of cases) {
    await using server = await serveFiles(FILES, fault);
    await refused(() => load(`${server.base}${NAME}?token=secret`), 'MODEL_NOT_FOUND', message);
  }
  const page = new TextEncoder().encode('<!doctype html><title>x</title>');
  await using server = await serveFiles(new Map([[NAME, page]]));
  await refused(() => load(`${server.base}${NAME}`), 'CHECKPOINT_INVALID', /a web page/);
  await using cut = await serveFiles(new Map([[NAME, FILE.slice(0, -5000)]]));
  await refused(() => load(`${cut.base}${NAME}`), 'CHECKPOINT_INVALID', /found its end at/);
  const files = splitGguf(PARTS, 2);
  files.delete(partName(1, 2));
  await using part = await serveFiles(files);
  await refused(
    () => load(`${part.base}${partName(0, 2)}`),
    'MODEL_NOT_FOUND',
    /there is no file "model-00002-of-00002\.gguf", one of 2 parts,/,
  );
});

test.run();
