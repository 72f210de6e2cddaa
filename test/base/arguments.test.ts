import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CachedFactors,
  createRuntime,
  type FactorCacheOptions,
  type FactorizeSpec,
  type FactorWeights,
  type Query,
  type RuntimeOptions,
} from '../../src/index.ts';
import { assertHolds, factorsOf } from '../helpers/sessions/tokens.ts';

const SPEC = { heads: 3, headDim: 4, valueDim: 5, rankK: 2, rankV: 1 };
const TOKENS = [1, 2, 3, 4, 5];

/** Not whole numbers from 1 to any sensible maximum. */
const BAD_SIZES = [0, -1, 1.5, NaN, Infinity, 2 ** 31, 2 ** 32 + 8, 1e300];
/** Not numbers at all. */
const NOT_NUMBERS = ['4', null, true, [], {}, 4n];
/** Not float arrays. */
const NOT_FLOATS = [undefined, null, 7, 'x', [1, 2], new Float64Array(4), new ArrayBuffer(16)];
/** Not objects. */
const NOT_OBJECTS = [undefined, null, 7, 'x'];

/** Names, then "expected", then "got": the shape of every message about an argument that is known. */
const HOUSE_SHAPE = /^"[\w.]+" (expected [^\n]+, got|is not an option of) [^\n]+$/;

const isMistake = (error: unknown, name: string): boolean =>
  (error instanceof TypeError || error instanceof RangeError) &&
  HOUSE_SHAPE.test(error.message) &&
  error.message.startsWith(`"${name}" `);

/** Any value where a type is wanted: what plain JavaScript callers pass. */
const wrong = <T>(value: unknown): T => value as T;

const test = suite('arguments');
const runtime = await createRuntime({ simd: 'baseline' });
const cache = runtime.createFactorCache(SPEC);
cache.append(factorsOf(TOKENS, SPEC));
const memory = runtime.memory();

/** Fails unless the call is refused by the argument's name, and nothing was allocated or changed. */
function refuses(name: string, value: unknown, call: () => unknown): void {
  const what = `${name} = ${typeof value === 'bigint' ? value : JSON.stringify(value)}`;
  let error: unknown;
  try {
    call();
  } catch (caught) {
    error = caught;
  }
  assert.ok(isMistake(error, name), `${what}: ${String(error)}`);
  assert.equal(runtime.memory(), memory, what);
  assert.is(cache.length, TOKENS.length, what);
}

const refusesQuery = (name: string, value: unknown, query: unknown): void =>
  refuses(name, value, () => runtime.attend(wrong<Query>(query), cache));

test('createRuntime() names the option it refuses', async () => {
  for (const [name, values] of [
    ['simd', ['fast', 1, {}]],
    ['memorylimit', [5]],
    ['threads', [0, -1, 2, 1.5, NaN, '1', null, 'many']],
    ['memoryLimit', [0, -1, 1e6 + 0.5, NaN, Infinity, 2 ** 32, ...NOT_NUMBERS]],
    ['wasm', ['kernels.wasm', 7, null, {}]],
  ] as const) {
    for (const value of values) {
      let error: unknown;
      try {
        await createRuntime(
          wrong<RuntimeOptions>({
            ...(name === 'wasm' ? { simd: 'baseline' } : {}),
            [name]: value,
          }),
        );
      } catch (caught) {
        error = caught;
      }
      assert.ok(isMistake(error, name), `${name} = ${String(value)}: ${String(error)}`);
    }
  }
  for (const options of [null, 7, 'fast']) {
    let error: unknown;
    try {
      await createRuntime(wrong<RuntimeOptions>(options));
    } catch (caught) {
      error = caught;
    }
    assert.ok(isMistake(error, 'options'), String(error));
  }
});

test('createFactorCache() names the size it refuses', () => {
  for (const name of ['heads', 'headDim', 'valueDim', 'rankK', 'rankV'] as const) {
    for (const value of [...BAD_SIZES, ...NOT_NUMBERS, 5000]) {
      const options = wrong<FactorCacheOptions>({ ...SPEC, [name]: value });
      refuses(name, value, () => runtime.createFactorCache(options));
    }
  }
  refuses('heads', undefined, () => runtime.createFactorCache(wrong<FactorCacheOptions>({})));
  for (const dtype of ['float16', 'f32', null, 4]) {
    const options = wrong<FactorCacheOptions>({ ...SPEC, dtype });
    refuses('dtype', dtype, () => runtime.createFactorCache(options));
  }
  for (const options of NOT_OBJECTS) {
    const call = () => runtime.createFactorCache(wrong<FactorCacheOptions>(options));
    refuses('options', options, call);
  }
});

test('append() names the factor it refuses and appends nothing', () => {
  const good = factorsOf([9, 10], SPEC);
  for (const name of ['ak', 'bk', 'av', 'bv'] as const) {
    const lengths = [0, 1, good[name].length - 1, good[name].length + 1, good[name].length * 2];
    for (const value of [
      ...NOT_FLOATS,
      ...lengths
        // two more tokens of ak alone: then the others are short
        .filter((length) => !(name === 'ak' && length === good.ak.length * 2))
        .map((length) => new Float32Array(length)),
      good[name].map((x, i) => (i === 1 ? NaN : x)),
      good[name].map((x, i) => (i === good[name].length - 1 ? Infinity : x)),
      good[name].map((x, i) => (i === 0 ? -Infinity : x)),
    ]) {
      const factors = wrong<CachedFactors>({ ...good, [name]: value });
      refuses(name, value, () => cache.append(factors));
    }
  }
  const twice = { ...good, ak: new Float32Array(good.ak.length * 2) };
  refuses('bk', 'short', () => cache.append(twice));
  for (const factors of NOT_OBJECTS) {
    refuses('factors', factors, () => cache.append(wrong<CachedFactors>(factors)));
  }
});

test('truncate() takes whole lengths up to its own', () => {
  for (const value of [-1, 1.5, NaN, Infinity, 6, 2 ** 32, undefined, ...NOT_NUMBERS]) {
    refuses('length', value, () => cache.truncate(wrong<number>(value)));
  }
});

test('attend() names the part of the query it refuses', () => {
  const good = { aq: new Float32Array(6), bq: new Float32Array(8), rankQ: 2 };
  for (const value of [...BAD_SIZES, ...NOT_NUMBERS, undefined, 257]) {
    refusesQuery('rankQ', value, { ...good, rankQ: value });
  }
  for (const name of ['aq', 'bq'] as const) {
    const lengths = [0, 1, good[name].length + 1];
    for (const value of [
      ...NOT_FLOATS,
      ...lengths.map((length) => new Float32Array(length)),
      good[name].map((x, i) => (i === 3 ? NaN : x)),
    ]) {
      refusesQuery(name, value, { ...good, [name]: value });
    }
  }
  const nan = new Float32Array(12).fill(NaN);
  for (const value of [...NOT_FLOATS, new Float32Array(0), new Float32Array(11), nan]) {
    // an undefined q is a query of factors
    if (value !== undefined) refusesQuery('q', value, { q: value });
  }
  // more queries than the cache has tokens
  refusesQuery('q', 6, { q: new Float32Array(6 * 12) });
  refusesQuery('aq', 6, { aq: new Float32Array(36), bq: new Float32Array(48), rankQ: 2 });
  for (const query of NOT_OBJECTS) refusesQuery('query', query, query);
});

test('attend() refuses what is no cache of this runtime, and an empty one', () => {
  const query = { q: new Float32Array(12) };
  for (const value of [undefined, null, {}, [], 7]) {
    refuses('cache', value, () => runtime.attend(query, wrong<typeof cache>(value)));
  }
});

test('factorize() names the argument it refuses', () => {
  const spec: FactorizeSpec = { dim: 6, heads: 3, headDim: 4, rankQ: 2, rankK: 2, rankV: 1 };
  const weights = {
    wAq: new Float32Array(3 * 2 * 6),
    wBq: new Float32Array(2 * 4 * 6),
    wAk: new Float32Array(3 * 2 * 6),
    wBk: new Float32Array(2 * 4 * 6),
    wAv: new Float32Array(3 * 6),
    wBv: new Float32Array(4 * 6),
  };
  const x = new Float32Array(12);
  const call = (changes: { x?: unknown; spec?: unknown; weights?: unknown; position?: unknown }) =>
    runtime.factorize(
      wrong<Float32Array>('x' in changes ? changes.x : x),
      wrong<FactorWeights>('weights' in changes ? changes.weights : weights),
      wrong<FactorizeSpec>('spec' in changes ? changes.spec : spec),
      wrong<number>('position' in changes ? changes.position : 0),
    );
  assert.is(call({}).ak.length, 12);
  for (const name of ['dim', 'heads', 'headDim', 'rankK', 'rankV'] as const) {
    for (const value of [...BAD_SIZES, ...NOT_NUMBERS, undefined]) {
      refuses(name, value, () => call({ spec: { ...spec, [name]: value } }));
    }
  }
  for (const value of [-1, 1.5, NaN, 257, ...NOT_NUMBERS, undefined]) {
    refuses('rankQ', value, () => call({ spec: { ...spec, rankQ: value } }));
  }
  refuses('headDim', 5, () => call({ spec: { ...spec, headDim: 5 } }));
  for (const value of [-1, 0.5, NaN, Infinity, 2 ** 24, 2 ** 32, ...NOT_NUMBERS, undefined]) {
    refuses('position', value, () => call({ position: value }));
  }
  for (const [name, values] of [
    ['ropeTheta', [0, -1, NaN, Infinity, '10000', null]],
    ['ropePrecision', ['bf16', null, 32]],
    ['ropeDirection', [0, 2, '1', NaN, null]],
  ] as const) {
    for (const value of values) {
      refuses(name, value, () => call({ spec: { ...spec, [name]: value } }));
    }
  }
  const nan = new Float32Array(12).fill(NaN, 11);
  for (const value of [...NOT_FLOATS, new Float32Array(0), new Float32Array(7), nan]) {
    refuses('x', value, () => call({ x: value }));
  }
  for (const name of Object.keys(weights) as (keyof typeof weights)[]) {
    const good = weights[name];
    for (const value of [
      ...NOT_FLOATS,
      good.subarray(1),
      new Float32Array(good.length + 1),
      good.map((_, i) => (i === 2 ? Infinity : 0)),
    ]) {
      refuses(name, value, () => call({ weights: { ...weights, [name]: value } }));
    }
  }
  refuses('wQ', undefined, () => call({ spec: { ...spec, rankQ: 0 } }));
  for (const value of NOT_OBJECTS) {
    refuses('weights', value, () => call({ weights: value }));
    refuses('spec', value, () => call({ spec: value }));
  }
});

test('after all that the cache holds what it held', () => {
  assertHolds(runtime, cache, TOKENS, 'cache');
});

test.run();
