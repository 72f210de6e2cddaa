import { setTimeout as delay } from 'node:timers/promises';
import { getEventListeners, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type LoadOptions,
  loadModel,
  type LoadProgress,
  type Model,
  type ModelInfo,
  type ModelSource,
} from '../../src/index.ts';
import { buildSafetensors } from '../helpers/files/build-safetensors.ts';
import { type Fault, onlyHeads, type Request, serveFiles } from '../helpers/servers/file-server.ts';
import { hashOf } from '../helpers/files/bytes.ts';
import { asBytes, GOOD_FILES } from '../helpers/models/hostile-models.ts';
import { settle, until } from '../helpers/fakes/silence.ts';
import { MemoryCache } from '../helpers/fakes/memory-cache.ts';
import { assertMistakes, type Mistake, refused, outcomeOf } from '../helpers/checks/refused.ts';
import { loadGolden } from '../helpers/checks/golden.ts';
import { goldenWeights } from '../helpers/models/t6-model.ts';

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const IDS = [5, 6, 7, 8];
const ALL = [
  '(chat_template.jinja)',
  '(generation_config.json)',
  '(special_tokens_map.json)',
  '(tokenizer.json)',
  '(tokenizer_config.json)',
  'config.json',
  WEIGHTS,
];

const bytes = GOOD_FILES.get(WEIGHTS)!;
const sha256 = { [WEIGHTS]: hashOf(bytes) };

const expected = await logitsInMemory();

const test = suite('loadModel() of an address');

async function logitsInMemory(): Promise<Float32Array> {
  using model = await load(asBytes(GOOD_FILES)!);
  return await model.logits(IDS);
}

function load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return loadModel(source, { simd: 'baseline', backend: 'wasm', cache: 'none', ...options });
}

/** The model that a server with faults gives has the logits of the one in memory. */
async function isSame(base: string, options?: LoadOptions): Promise<ModelInfo> {
  using model = await load(base, options);
  assert.equal(await model.logits(IDS), expected);
  return model.info();
}

test('cut, stalled, refused, compressed: the same logits', async () => {
  const faults: [string, (request: Request) => Fault | undefined][] = [
    ['none', () => undefined],
    ['cut in the header', ({ nth }) => (nth === 0 ? { cutAfter: 20 } : undefined)],
    ['cut in the data', ({ nth }) => (nth === 0 ? { cutAfter: 50_001 } : undefined)],
    ['no ranges', () => ({ ignoresRange: true })],
    ['no ranges, cut', ({ nth }) => ({ ignoresRange: true, ...(nth === 0 && { cutAfter: 9 }) })],
    ['gzip', () => ({ ignoresRange: true, gzip: true })],
    ['parts', () => ({ atMost: 9999 })],
    ['500 once', ({ nth }) => (nth === 0 ? { status: 500 } : undefined)],
  ];
  for (const [what, fault] of faults) {
    let isRanged = true;
    await using server = await serveFiles(GOOD_FILES, (request) => {
      const spoiled = GOOD_FILES.has(request.file) ? fault(request) : undefined;
      isRanged &&= !spoiled?.ignoresRange;
      return spoiled;
    });
    const { base, sent } = server;
    await isSame(base);
    if (isRanged) assert.is(sent.get(WEIGHTS), bytes.byteLength, `${what}: no byte twice`);
  }
});

test('shards by an index: the same logits, each byte sent to the cache once', async () => {
  const files = shardedFiles();
  const total = [...files].reduce(
    (sum, [name, { byteLength }]) => sum + (/\d\.safetensors$/.test(name) ? byteLength : 0),
    0,
  );
  const cache = new MemoryCache();
  await using server = await serveFiles(files);
  const { base, log } = server;
  const seen: LoadProgress[] = [];
  await isSame(base, { cache, onProgress: (progress) => void seen.push(progress) });
  assert.equal({ ...seen.at(-1), rate: 0, file: '' }, { loaded: total, total, rate: 0, file: '' });
  assert.equal(new Set(seen.map(({ file }) => file)).size, 4);
  for (const [name, content] of files) {
    assert.ok(Buffer.from(cache.files.get(`${base}${name}`)!.bytes).equals(content), name);
  }
  log.length = 0;
  await isSame(base, { cache });
  assert.ok(onlyHeads(log), log.join());

  assert.is(cache.unclosed, 0);
});

test('sha256: the right one of any file, from any source; the wrong one is WEIGHTS_HASH', async () => {
  const config = hashOf(GOOD_FILES.get('config.json')!);
  const wrong = hashOf(new Uint8Array());
  await using server = await serveFiles(GOOD_FILES);
  for (const source of [server.base, asBytes(GOOD_FILES)!]) {
    const both = { ...sha256, 'config.json': config.toUpperCase() };
    using model = await load(source, { sha256: both });
    assert.equal(await model.logits(IDS), expected);
    const error = await refused(
      () => load(source, { sha256: { [WEIGHTS]: wrong } }),
      'WEIGHTS_HASH',
    );
    assert.equal(error.data, { file: WEIGHTS, expected: wrong, found: sha256[WEIGHTS]! });
    const bad = { 'config.json': sha256[WEIGHTS]! };
    await refused(() => load(source, { sha256: bad }), 'WEIGHTS_HASH');
    const more = { ...sha256, 'tokenizer.json': wrong };
    await refused(() => load(source, { sha256: more }), 'MODEL_NOT_FOUND');
    const shard = { ...sha256, 'model-1.safetensors': wrong };
    await refused(() => load(source, { sha256: shard }), 'MODEL_NOT_FOUND');
  }
});

test('sha256: a refused file is not kept, whatever part of it was read', async () => {
  const cache = new MemoryCache();
  // the last number of the data: only a hash tells
  const bad = bytes.map((byte, at) => (at === bytes.byteLength - 3 ? byte ^ 1 : byte));
  const files = new Map([...GOOD_FILES, [WEIGHTS, bad]]);
  await using server = await serveFiles(files);
  await refused(() => load(server.base, { cache, sha256 }), 'WEIGHTS_HASH');
  assert.equal(
    cache.names(),
    ALL.filter((name) => name !== WEIGHTS),
  );
  // a file that is not a part of the model, and is read for its hash alone
  const extra = { ...sha256, 'model-1.safetensors': hashOf(new Uint8Array()) };
  files.set(WEIGHTS, bytes).set('model-1.safetensors', bad);
  await refused(() => load(server.base, { cache, sha256: extra }), 'WEIGHTS_HASH');
  assert.equal(cache.names(), ALL);
  await isSame(server.base, { cache });

  assert.is(cache.unclosed, 0);
});

test('sha256 of some weights: no others are used', async () => {
  const files = shardedFiles();
  const pinned = Object.fromEntries([...files].map(([name, file]) => [name, hashOf(file)]));
  const { 'model-3.safetensors': _, ...fewer } = pinned;
  await using server = await serveFiles(files);
  await isSame(server.base, { sha256: pinned });
  const index = { [INDEX]: pinned[INDEX]! };
  for (const hashes of [fewer, index]) {
    const error = await refused(() => load(server.base, { sha256: hashes }), 'WEIGHTS_HASH');
    assert.match(
      error.message,
      /^"sha256" has hashes of other weights but not of "model-\d\.safetensors"; add it$/,
    );
  }
  files.set(WEIGHTS, bytes);
  await refused(() => load(server.base, { sha256: pinned }), 'WEIGHTS_HASH', { file: WEIGHTS });
  const cache = new MemoryCache();
  await isSame(server.base, { cache, sha256: { 'config.json': pinned['config.json']! } });
  await refused(() => load(server.base, { cache, sha256: pinned }), 'WEIGHTS_HASH');
  assert.is(cache.unclosed, 0);
});

test('fetch: takes the place of the global one for every file, and is for addresses alone', async () => {
  await using server = await serveFiles(GOOD_FILES);
  const asked: [string, string | null][] = [];
  const fetch = async (request: globalThis.Request): Promise<Response> => {
    const file = request.url.slice('https://assets.test/model/'.length);
    asked.push([file, request.headers.get('range')]);
    return globalThis.fetch(new URL(file, server.base), { headers: request.headers });
  };
  await isSame('https://assets.test/model', { fetch });
  assert.ok(asked.some(([file]) => file === WEIGHTS));
  assert.ok(asked.every(([, range]) => range === 'bytes=0-'));
  const thrown = await outcomeOf(() => load(asBytes(GOOD_FILES)!, { fetch }));
  assert.instance(thrown, TypeError);
  const controller = new AbortController();
  const aborting = async (): Promise<Response> => {
    controller.abort();
    throw new Error('no such binding');
  };
  const options = { fetch: aborting, signal: controller.signal };
  await refused(() => load(server.base, options), 'ABORTED');

  const none = await outcomeOf(() => load('https://assets.test', { fetch: 'x' as never }));
  assert.match((none as Error).message, /^"fetch" expected a function, got string/);
});

test('sha256 and cache that are none are TypeErrors', async () => {
  const hash = sha256[WEIGHTS]!;
  const odd: [object, RegExp][] = [
    [{ sha256: 'x' }, /^"sha256" expected an object, got string$/],
    [{ sha256: null }, /^"sha256" expected/],
    [
      { sha256: { [WEIGHTS]: hash.slice(1) } },
      /^"sha256.model.safetensors" expected 64 hexadecimal digits, got "[0-9a-f]{63}"$/,
    ],
    [{ sha256: { [WEIGHTS]: `${hash.slice(1)}g` } }, /^"sha256\.model\.safetensors" expected 64/],
    [{ sha256: { [WEIGHTS]: 5 } }, /^"sha256\.model\.safetensors" expected 64/],
    [{ sha256: { 'README.md': hash } }, /^"sha256" expected names of a model's files, got "README/],
    [{ cache: 'disk' }, /^"cache" expected .* got "disk"/],
    [{ cache: null }, /^"cache" expected/],
    [{ cache: { open() {} } }, /^"cache" expected "auto", "reload", "none" or \{ open, create \}/],
  ];
  const mistakes = odd.map(([options, message]): Mistake => [
    () => load(asBytes(GOOD_FILES)!, options),
    TypeError,
    message,
  ]);
  await assertMistakes(mistakes);
});

test('a cache: the second load asks whether files have changed, and works without a network', async () => {
  const cache = new MemoryCache();
  let etag = '"1"';
  await using server = await serveFiles(GOOD_FILES, () => ({ headers: { etag } }));
  const { base, log } = server;
  const info = await isSame(base, { cache });
  assert.equal(info.cache, { kind: 'custom', reason: 'asked for' });
  assert.equal(cache.names(), ALL);
  log.length = 0;
  await isSame(base, { cache });
  assert.ok(onlyHeads(log), log.join());
  assert.is(log.length, 7);
  log.length = 0;
  await isSame(base, { cache, sha256 });
  assert.not(
    log.some((line) => line.includes(WEIGHTS)),
    log.join(),
  );
  etag = '"2"';
  await isSame(base, { cache });
  assert.ok(log.some((line) => line.startsWith(`GET ${WEIGHTS}`)));
  await server.close();
  const offline = await isSame(base, { cache });
  assert.is(offline.cache.kind, 'custom');
  assert.is(cache.unclosed, 0);
});

test('a file that appears on the server is found, one that goes is gone', async () => {
  const cache = new MemoryCache();
  const files = new Map(GOOD_FILES);
  await using server = await serveFiles(files);
  await isSame(server.base, { cache });
  files.set('generation_config.json', new TextEncoder().encode('{"temperature":0.5}'));
  const changed = await load(server.base, { cache });
  assert.is(changed.generationDefaults.temperature, 0.5);
  changed.dispose();
  assert.ok(cache.names().includes('generation_config.json'));
  files.delete('generation_config.json');
  const gone = await load(server.base, { cache });
  assert.equal(gone.generationDefaults, {});
  gone.dispose();
});

test('a cached file that is short or wrong is fetched again and replaced', async () => {
  const cache = new MemoryCache();
  await using server = await serveFiles(GOOD_FILES);
  const key = `${server.base}${WEIGHTS}`;
  const spoil: ((good: Uint8Array) => Uint8Array)[] = [
    (good) => good.subarray(0, 1000),
    (good) => good.subarray(0, -1),
    (good) => good.map((byte, at) => (at === 12 ? 0 : byte)),
  ];
  for (const bad of spoil) {
    await isSame(server.base, { cache });
    const { facts, bytes: good } = cache.files.get(key)!;
    cache.files.set(key, { facts, bytes: bad(good) });
    await isSame(server.base, { cache });
    assert.ok(Buffer.from(cache.files.get(key)!.bytes).equals(bytes));
  }
  // the last number of the data: only a hash tells
  const { facts, bytes: good } = cache.files.get(key)!;
  const bad = good.map((byte, at) => (at === good.length - 3 ? byte ^ 1 : byte));
  cache.files.set(key, { facts, bytes: bad });
  // of the download that follows, progress is told from its beginning
  const seen: number[] = [];
  const onProgress = ({ loaded }: LoadProgress) => void seen.push(loaded);
  await isSame(server.base, { cache, sha256, onProgress });
  assert.ok(Buffer.from(cache.files.get(key)!.bytes).equals(bytes));
  const again = seen.findIndex((loaded, at) => at > 0 && loaded <= seen[at - 1]!);
  const [first, second] = [seen.slice(0, again), seen.slice(again)];
  assert.ok(first.length > 0 && second.length >= first.length);
  for (const part of [first, second]) assert.equal(part, sorted(part));
  assert.is(seen.at(-1), bytes.byteLength);

  assert.is(cache.unclosed, 0);
});

test('kernels that are a response serve the second try too', async () => {
  const cache = new MemoryCache();
  await using server = await serveFiles(GOOD_FILES);
  await isSame(server.base, { cache });
  const key = `${server.base}${WEIGHTS}`;
  const { facts, bytes: good } = cache.files.get(key)!;
  cache.files.set(key, { facts, bytes: good.subarray(0, 1000) });
  const kernels = readFileSync(new URL('../../dist/wasm/tpa-baseline.wasm', import.meta.url));
  await isSame(server.base, { cache, wasm: new Response(new Uint8Array(kernels)) });
});

test('whatever a cache refuses, once or for ever, the load goes on and says so', async () => {
  await using server = await serveFiles(GOOD_FILES);
  const good = new MemoryCache();
  await isSame(server.base, { cache: good });
  for (const operation of ['open', 'create', 'write', 'commit', 'read'] as const) {
    for (let nth = 0; nth < 3; nth++) {
      for (const isOnce of [true, false]) {
        const cache = new MemoryCache();
        if (operation === 'read') for (const entry of good.files) cache.files.set(...entry);
        let count = 0;
        cache.before = (asked) => {
          if (asked !== operation) return;
          const at = count++;
          if (at === nth || (at > nth && !isOnce)) throw new RangeError('full');
        };
        const info = await isSame(server.base, { cache });
        assert.ok(count > nth, operation);
        if (operation !== 'read') {
          assert.equal(info.cache, { kind: 'none', reason: 'RangeError: full' });
        }
        assert.is(cache.unclosed, 0, operation);
        for (const [key, file] of cache.files) {
          assert.is(file.bytes.byteLength, file.facts.size, key);
        }
      }
    }
  }
});

test('a cache that gives no files, or odd ones, is not used any more', async () => {
  await using server = await serveFiles(GOOD_FILES);
  const facts = { size: 5 };
  const odd = [
    [],
    5,
    { read, close },
    { facts: { size: -1 }, read, close },
    { facts, close },
    { facts, read },
  ];
  for (const file of [null, undefined, ...odd]) {
    const cache = new MemoryCache();
    cache.open = async () => file as never;
    const info = await isSame(server.base, { cache });
    const reason = 'TypeError: the cache returned something that is no cached file';
    const none = { kind: 'none', reason } as const;
    const good = { kind: 'custom', reason: 'asked for' } as const;
    assert.equal(info.cache, odd.includes(file as never) ? none : good);
  }
  for (const piece of [undefined, null, {}, []]) {
    const cache = new MemoryCache();
    await isSame(server.base, { cache });
    const open = cache.open.bind(cache);
    cache.open = async (key) => {
      const file = await open(key);
      return file && { ...file, read: async () => piece as never };
    };
    await isSame(server.base, { cache });
  }
});

test('a cache that never gives up a file does not hold an abort', async () => {
  await using server = await serveFiles(GOOD_FILES);
  const controller = new AbortController();
  const cache = new MemoryCache();
  cache.before = (asked) => (asked === 'abort' ? new Promise<never>(() => {}) : Promise.resolve());
  const onProgress = () => controller.abort();
  const { signal } = controller;
  await refused(() => load(server.base, { cache, signal, onProgress }), 'ABORTED');
  assert.is(cache.unclosed, 1);
});

test('aborted at any piece: ABORTED, and nothing half is kept', async () => {
  await using server = await serveFiles(GOOD_FILES);
  let pieces = 0;
  const cache = new MemoryCache();
  const first = await load(server.base, { cache, onProgress: () => pieces++ });
  first.dispose();
  for (let stop = 1; stop <= pieces; stop++) {
    cache.files.delete(`${server.base}${WEIGHTS}`);
    const controller = new AbortController();
    let seen = 0;
    const onProgress = () => void (++seen === stop && controller.abort());
    const { signal } = controller;
    await refused(() => load(server.base, { cache, signal, onProgress }), 'ABORTED', `${stop}`);
    assert.is(seen, stop);
    assert.is(cache.unclosed, 0, `${stop}`);
    const kept = cache.files.get(`${server.base}${WEIGHTS}`);
    assert.ok(kept === undefined || Buffer.from(kept.bytes).equals(bytes));
  }
});

test('nothing is left on a signal, nor any connection, by a load that ends or is aborted', async () => {
  await using server = await serveFiles(GOOD_FILES, ({ file }) =>
    file === WEIGHTS ? { stallAfter: 100_000 } : undefined,
  );
  const { base, connections } = server;
  const good = new AbortController();
  const model = await load(asBytes(GOOD_FILES)!, { signal: good.signal });
  model.dispose();
  for (const milliseconds of [5, 50, 150]) {
    const { signal } = good;
    const controller = new AbortController();
    setTimeout(() => controller.abort(), milliseconds);
    const cache = new MemoryCache();
    const options = { signal: controller.signal, cache };
    await refused(() => load(base, options), 'ABORTED', `${milliseconds} ms`);
    assert.is(getEventListeners(controller.signal, 'abort').length, 0);
    assert.is(getEventListeners(signal, 'abort').length, 0);
    await delay(50);
    await until(() => connections() === 0); // none goes on, none is new
  }
});

test('a cache that never answers does not outlast an abort', async () => {
  await using server = await serveFiles(GOOD_FILES);
  const { base } = server;
  for (const operation of ['open', 'create', 'write', 'commit'] as const) {
    const cache = new MemoryCache();
    if (operation === 'open') (await load(base, { cache })).dispose();
    const controller = new AbortController();
    const aborted = once(controller.signal, 'abort');
    const answers: Promise<void>[] = [];
    cache.before = (asked) => {
      if (asked !== operation) return;
      // by then the load is over
      const answer = aborted.then(() => delay(20));
      answers.push(answer);
      setTimeout(() => controller.abort(), 20);
      return answer;
    };
    await refused(() => load(base, { cache, signal: controller.signal }), 'ABORTED', operation);
    await Promise.all(answers);
    await settle();
    await until(() => cache.unclosed === 0);
  }
});

test.run();

async function read(): Promise<Uint8Array> {
  return new Uint8Array();
}

async function close(): Promise<void> {}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

/** The same model in four shards. */
function shardedFiles(): Map<string, Uint8Array> {
  const tensors = [...goldenWeights(loadGolden('model_t6'))];
  const files = new Map([['config.json', GOOD_FILES.get('config.json')!]]);
  const map: Record<string, string> = {};
  for (let i = 0; i < 4; i++) {
    const shard = `model-${i}.safetensors`;
    const mine = tensors.filter((_, at) => at % 4 === i);
    for (const { name } of mine) map[name] = shard;
    files.set(shard, buildSafetensors(mine));
  }
  files.set(INDEX, new TextEncoder().encode(JSON.stringify({ weight_map: map })));
  return files;
}
