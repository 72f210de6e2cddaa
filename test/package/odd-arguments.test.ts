import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { convertCheckpoint, openCheckpoint } from '../../src/convert.ts';
import {
  BackendChangeEvent,
  createRuntime,
  estimateModel,
  loadModel,
  TpaError,
} from '../../src/index.ts';
import { createTokenizer } from '../../src/text/tokenizer.ts';
import { outcomeOf } from '../helpers/checks/refused.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';

const test = suite('odd arguments of every public function');

/** What an engine says where nobody has looked at an argument. */
const OF_ENGINES =
  /is not (?:a function|a constructor|iterable|defined|an object|extensible)|^Cannot |undefined is|null is|Invalid (?:array|typed|Array|Typed|URL|data)|detached|Reduce of|circular|a BigInt|Maximum call|"path" argument/;

function detached<T extends Uint8Array | Uint32Array | Float32Array>(view: T): T {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

const thrower = (): never => {
  throw new Error("the caller's own");
};

/** Values that are what nothing expects, and some that look like what is expected. */
const ODD: Readonly<Record<string, () => unknown>> = {
  null: () => null,
  undefined: () => undefined,
  'a number': () => 5,
  NaN: () => NaN,
  'a bigint': () => 5n,
  'a string': () => 'x',
  'an empty string': () => '',
  'a symbol': () => Symbol('s'),
  true: () => true,
  'an object': () => ({}),
  'an object without a prototype': () => Object.create(null) as object,
  'an array': () => [],
  'an array of null': () => [null],
  'an array with holes': () => Array<number>(3),
  'a sparse array': () => [1, , 2], // eslint-disable-line no-sparse-arrays
  'a function': () => () => {},
  'a date that is none': () => new Date(NaN),
  'detached bytes': () => detached(new Uint8Array(8)),
  'detached ids': () => detached(new Uint32Array(3)),
  'detached floats': () => detached(new Float32Array(8)),
  'a DataView': () => new DataView(new ArrayBuffer(8)),
  'a proxy that throws': () =>
    new Proxy(
      {},
      { get: thrower, has: thrower, ownKeys: thrower, getOwnPropertyDescriptor: thrower },
    ),
  'an object that is no text': () => ({ toString: 5, valueOf: null }),
  'an object of null': () => ({ length: -1, open: null, messages: null, aborted: true }),
  'an iterable of symbols': () => [Symbol('s')],
};

type Call = (value: never) => unknown;

/** Asserts that each call with each value is refused by name, or not at all. */
async function areNamed(calls: Readonly<Record<string, Call>>): Promise<void> {
  const bare: string[] = [];
  for (const [call, act] of Object.entries(calls)) {
    for (const [what, make] of Object.entries(ODD)) {
      const value = make() as never;
      const outcome = await outcomeOf(async () => act(value));
      if (!(outcome instanceof Error)) continue;
      const isNamed = outcome instanceof TpaError || !OF_ENGINES.test(outcome.message);
      if (!isNamed) bare.push(`${call} of ${what}: ${outcome.message}`);
    }
  }
  assert.equal(bare, []);
}

/** The same function, an option at a time. */
function options(name: string, keys: string, call: (options: never) => unknown) {
  const each = keys
    .split(' ')
    .map((key): [string, Call] => [
      `${name}({ ${key} })`,
      (value) => call({ [key]: value } as never),
    ]);
  return Object.fromEntries([[name, call as Call], ...each]);
}

const source = { ...llamaVariant('llama-gqa').build().source, tokenizer: undefined };

const floats = (length: number) => new Float32Array(length);
const start = async (how: unknown) => (await createRuntime(how as never)).dispose();

async function load(from: unknown, how: unknown): Promise<void> {
  const model = await loadModel(from as never, how as never);
  model.dispose();
}

const noFile = async () => new Response(null, { status: 404 });

async function convert(given: unknown): Promise<void> {
  for (const file of await convertCheckpoint(given as never)) for await (const _ of file.chunks());
}

test('loadModel() and its options', async () => {
  const keys =
    'simd memoryLimit wasm threads backend webgpu gpuDtype contextLength dtype lora cacheDtype cache fetch endpoint sha256 onProgress signal';
  const how = { backend: 'wasm' };
  await areNamed({
    ...options('loadModel options', keys, (given) => load(source, given)),
    ...options('webgpu', 'module wasmPaths worker powerPreference', (webgpu) =>
      load(source, { ...how, webgpu }),
    ),
    ...options(
      'source',
      'config weights tokenizer tokenizerConfig generationConfig chatTemplate',
      (given) => load({ ...source, ...(given as object) }, how),
    ),
    'loadModel source': (given) => load(given, how),
    ...options(
      'estimateModel options',
      'simd memoryLimit wasm contextLength dtype lora cacheDtype cache fetch endpoint signal',
      (given) => estimateModel(source as never, given),
    ),
    'estimateModel source': (given) => estimateModel(given),
    'endpoint of a hub': (endpoint) => load('hf:org/name', { ...how, endpoint, fetch: noFile }),
    'weights of a Map': (given) => load({ ...source, weights: new Map([[given, given]]) }, how),
    'sha256 of a file': (hash) => load(source, { ...how, sha256: { 'config.json': hash } }),
    'wasm and simd': (wasm) => load(source, { ...how, simd: 'baseline', wasm }),
  });
});

test('Model, Session and Generation', async () => {
  const vocab = { '<unk>': 0, a: 1, b: 2 };
  const tokenizer = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', unk_token: '<unk>', vocab, merges: [] },
  };
  const withText = { ...source, tokenizer, chatTemplate: '{{ messages[0].content }}' };
  const model = await loadModel(withText as never, { backend: 'wasm' });
  const onSession = (act: (session: ReturnType<typeof model.createSession>) => unknown) => {
    const session = model.createSession();
    return act(session);
  };
  const generate = async (prompt: unknown, how: unknown): Promise<void> => {
    using session = model.createSession();
    await session.generate(prompt as never, how as never).text();
  };
  const keys =
    'maxTokens temperature topK topP minP repetitionPenalty seed stop stopTokens logprobs signal';
  await areNamed({
    'model.logits': (ids) => model.logits(ids),
    'model.score': (ids) => model.score(ids),
    ...options('model.score options', 'signal', (how) => model.score([1, 2], how)),
    'session.prefill': (ids) => onSession((session) => session.prefill(ids)),
    'session.decode': (id) => onSession((session) => session.decode(id)),
    'session.score': (ids) => onSession((session) => session.score(ids)),
    ...options('session.score options', 'signal', (how) =>
      onSession((session) => session.score([1, 2], how)),
    ),
    'session.truncate': (length) => onSession((session) => session.truncate(length)),
    'session.generate prompt': (prompt) => generate(prompt, { maxTokens: 1 }),
    ...options('session.generate options', keys, (how) =>
      generate([1], how === undefined ? { maxTokens: 1 } : { maxTokens: 1, ...(how as object) }),
    ),
    messages: (messages) => generate({ messages }, { maxTokens: 1 }),
    message: (message) => generate({ messages: [message] }, { maxTokens: 1 }),
    role: (role) => generate({ messages: [{ role, content: 'x' }] }, { maxTokens: 1 }),
    content: (content) => generate({ messages: [{ role: 'user', content }] }, { maxTokens: 1 }),
    'stop of many': (stop) => generate([1], { maxTokens: 1, stop: [stop] }),
    'stopTokens of many': (id) => generate([1], { maxTokens: 1, stopTokens: [id] }),
    listeners: (listener) => {
      if (listener === null) return;
      model.addEventListener('backendchange', listener);
      model.removeEventListener('backendchange', listener);
    },
    BackendChangeEvent: (change) => new BackendChangeEvent(change),
    'tokenizer.encode': (text) => model.tokenizer!.encode(text),
    'tokenizer.decode': (ids) => model.tokenizer!.decode(ids),
    ...options('encode options', 'parseSpecial after', (how) => model.tokenizer!.encode('x', how)),
    ...options('decode options', 'skipSpecial after', (how) => model.tokenizer!.decode([1], how)),
    createTokenizer: (json) => createTokenizer(json),
  });
  model.dispose();
});

test('createRuntime(), Runtime and FactorCache', async () => {
  const runtime = await createRuntime({ backend: 'wasm' });
  const cacheOptions = { heads: 2, headDim: 4, rankK: 1, rankV: 1 };
  const cache = runtime.createFactorCache(cacheOptions);
  const factors = { ak: floats(2), bk: floats(4), av: floats(2), bv: floats(4) };
  cache.append(factors);
  const spec = { dim: 4, heads: 2, headDim: 4, rankQ: 1, rankK: 1, rankV: 1 };
  const weights = {
    wAq: floats(8),
    wBq: floats(16),
    wAk: floats(8),
    wBk: floats(16),
    wAv: floats(8),
    wBv: floats(16),
  };
  const x = floats(4);
  const specKeys =
    'dim heads headDim rankQ rankK rankV rotaryDim ropeTheta ropePrecision ropeDirection';
  await areNamed({
    ...options('createRuntime', 'simd memoryLimit wasm threads backend webgpu', start),
    ...options(
      'createFactorCache',
      'heads headDim valueDim rankK rankV kvHeads window dtype',
      (given) => runtime.createFactorCache({ ...cacheOptions, ...(given as object) }).dispose(),
    ),
    'createFactorCache()': (given) => runtime.createFactorCache(given).dispose(),
    'cacheNumbersPerToken()': (given) => runtime.cacheNumbersPerToken(given),
    ...options(
      'cacheNumbersPerToken',
      'heads headDim valueDim rankK rankV headFactors featureFactors outerDim score scale window',
      (given) =>
        runtime.cacheNumbersPerToken({ ...cacheOptions, valueDim: 4, ...(given as object) }),
    ),
    ...options('factorize weights', Object.keys(weights).join(' '), (given) =>
      runtime.factorize(x, { ...weights, ...(given as object) }, spec, 0),
    ),
    'factorize weights()': (given) => runtime.factorize(x, given, spec, 0),
    'factorize x': (given) => runtime.factorize(given, weights, spec, 0),
    'factorize position': (given) => runtime.factorize(x, weights, spec, given),
    'factorize spec()': (given) => runtime.factorizeAsync(x, weights, given, 0),
    ...options('factorize spec', specKeys, (given) =>
      runtime.factorize(x, weights, { ...spec, ...(given as object) }, 0),
    ),
    'attend query()': (query) => runtime.attend(query, cache),
    'attend cache': (given) => runtime.attendAsync({ q: floats(8) }, given),
    ...options('attend query', 'q aq bq rankQ', (given) =>
      runtime.attend({ aq: floats(2), bq: floats(4), rankQ: 1, ...(given as object) }, cache),
    ),
    'append()': (given) => cache.append(given),
    ...options('append', 'ak bk av bv', (given) =>
      cache.append({ ...factors, ...(given as object) }),
    ),
    truncate: (length) => cache.truncate(length),
  });
  runtime.dispose();
});

test('openCheckpoint() and convertCheckpoint()', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tpa-odd-'));
  const checkpoint = { format: 'torch', family: 'T6', config: {}, tensors: [], notes: [] };
  const tensor = { name: 'x', dtype: 'F32', shape: [1], byteLength: 4, storedAs: 'F32' };
  try {
    await areNamed({
      openCheckpoint: (path) => openCheckpoint(path),
      'openCheckpoint of a URL': (path) =>
        openCheckpoint(new URL(`https://example.com/${typeof path}`)),
      'openCheckpoint of a folder': () => openCheckpoint(folder),
      convertCheckpoint: convert,
      ...options(
        'checkpoint',
        'config tensors tokenizer tokenizerConfig specialTokensMap generationConfig',
        (given) => convert({ ...checkpoint, ...(given as object) }),
      ),
      ...options('tensor', 'name dtype shape byteLength chunks', (given) =>
        convert({ ...checkpoint, tensors: [{ ...tensor, ...(given as object) }] }),
      ),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
