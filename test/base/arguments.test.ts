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
import { outcomeOf } from '../helpers/checks/refused.ts';
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

const test = suite('arguments');
const runtime = await createRuntime({ simd: 'baseline' });
const cache = runtime.createFactorCache(SPEC);
cache.append(factorsOf(TOKENS, SPEC));
const memory = runtime.memory();

const create = (options: FactorCacheOptions) => runtime.createFactorCache(options);
const append = (factors: CachedFactors) => cache.append(factors);
const attend = (query: Query) => runtime.attend(query, cache);

/** Fails unless each call is refused by the argument's name, and nothing was allocated or changed. */
async function refuses<T>(
  name: string,
  values: readonly T[],
  call: (value: never) => unknown,
): Promise<void> {
  for (const value of values) {
    const what = `${name} = ${typeof value === 'bigint' ? value : JSON.stringify(value)}`;
    const error = await outcomeOf(() => call(value as never));
    assert.ok(isMistake(error, name), `${what}: ${String(error)}`);
    assert.equal(runtime.memory(), memory, what);
    assert.is(cache.length, TOKENS.length, what);
  }
}

/** {@link refuses}, one field of a good object at a time. */
async function refusesField<T extends object>(
  good: T,
  name: string,
  values: readonly unknown[],
  call: (value: T) => unknown,
): Promise<void> {
  await refuses(name, values, (value) => call({ ...good, [name]: value }));
}

test('createRuntime() names the option it refuses', async () => {
  for (const [name, values] of Object.entries({
    simd: ['fast', 1, {}],
    memorylimit: [5],
    threads: [0, -1, 65, 1.5, NaN, '1', null, 'many'],
    memoryLimit: [0, -1, 1e6 + 0.5, NaN, Infinity, 2 ** 32, ...NOT_NUMBERS],
    wasm: ['kernels.wasm', 7, null, {}],
  })) {
    const good: RuntimeOptions = name === 'wasm' ? { simd: 'baseline' } : {};
    await refusesField(good, name, values, createRuntime);
  }
  await refuses('options', [null, 7, 'fast'], createRuntime);
});

test('createFactorCache() names the size it refuses', async () => {
  for (const name of ['heads', 'headDim', 'valueDim', 'rankK', 'rankV']) {
    await refusesField(SPEC, name, [...BAD_SIZES, ...NOT_NUMBERS, 5000], create);
  }
  await refuses('heads', [{}], create);
  await refusesField(SPEC, 'dtype', ['float16', 'float32', null, 4], create);
  await refuses('options', NOT_OBJECTS, create);
});

test('append() names the factor it refuses and appends nothing', async () => {
  const good = factorsOf([9, 10], SPEC);
  for (const name of ['ak', 'bk', 'av', 'bv'] as const) {
    const { length } = good[name];
    // two more tokens of ak alone: then the others are short
    const lengths = [0, 1, length - 1, length + 1, ...(name === 'ak' ? [] : [length * 2])];
    await refusesField(good, name, NOT_FLOATS, append);
    await refusesField(
      good,
      name,
      lengths.map((wrong) => new Float32Array(wrong)),
      append,
    );
    for (const [at, value] of [
      [1, NaN],
      [length - 1, Infinity],
      [0, -Infinity],
    ] as const) {
      await refusesField(good, name, [good[name].with(at, value)], append);
    }
  }
  await refuses('bk', [{ ...good, ak: new Float32Array(good.ak.length * 2) }], append);
  await refuses('factors', NOT_OBJECTS, append);
});

test('truncate() takes whole lengths up to its own', async () => {
  const lengths = [-1, 1.5, NaN, Infinity, 6, 2 ** 32, undefined, ...NOT_NUMBERS];
  await refuses('length', lengths, (length) => cache.truncate(length));
});

test('attend() names the part of the query it refuses', async () => {
  const good = { aq: new Float32Array(6), bq: new Float32Array(8), rankQ: 2 };
  await refusesField(good, 'rankQ', [...BAD_SIZES, ...NOT_NUMBERS, undefined, 257], attend);
  for (const name of ['aq', 'bq'] as const) {
    const lengths = [0, 1, good[name].length + 1].map((length) => new Float32Array(length));
    const values = [...NOT_FLOATS, ...lengths, good[name].with(3, NaN)];
    await refusesField(good, name, values, attend);
  }
  const nan = new Float32Array(12).fill(NaN);
  const floats = [new Float32Array(0), new Float32Array(11), nan];
  // an undefined q is a query of factors
  const others = NOT_FLOATS.filter((value) => value !== undefined);
  await refusesField({}, 'q', [...others, ...floats], (query) => attend(query as Query));
  // more queries than the cache has tokens
  await refuses('q', [{ q: new Float32Array(6 * 12) }], attend);
  await refuses('aq', [{ aq: new Float32Array(36), bq: new Float32Array(48), rankQ: 2 }], attend);
  await refuses('query', NOT_OBJECTS, attend);
});

test('attend() refuses what is no cache of this runtime, and an empty one', async () => {
  const query = { q: new Float32Array(12) };
  await refuses('cache', [undefined, null, {}, [], 7], (value) => runtime.attend(query, value));
});

test('factorize() names the argument it refuses', async () => {
  const spec: FactorizeSpec = { dim: 6, heads: 3, headDim: 4, rankQ: 2, rankK: 2, rankV: 1 };
  const weights: FactorWeights = {
    wAq: new Float32Array(3 * 2 * 6),
    wBq: new Float32Array(2 * 4 * 6),
    wAk: new Float32Array(3 * 2 * 6),
    wBk: new Float32Array(2 * 4 * 6),
    wAv: new Float32Array(3 * 6),
    wBv: new Float32Array(4 * 6),
  };
  const x = new Float32Array(12);
  const withSpec = (value: FactorizeSpec) => runtime.factorize(x, weights, value, 0);
  const withWeights = (value: FactorWeights) => runtime.factorize(x, value, spec, 0);
  assert.is(withSpec(spec).ak.length, 12);
  for (const [name, values] of Object.entries({
    ...Object.fromEntries(
      ['dim', 'heads', 'headDim', 'rankK', 'rankV'].map((size) => [
        size,
        [...BAD_SIZES, ...NOT_NUMBERS, undefined],
      ]),
    ),
    rankQ: [-1, 1.5, NaN, 257, ...NOT_NUMBERS, undefined],
    ropeTheta: [0, -1, NaN, Infinity, '10000', null],
    ropePrecision: ['bf16', null, 32],
    ropeDirection: [0, 2, '1', NaN, null],
  })) {
    await refusesField(spec, name, values, withSpec);
  }
  await refusesField(spec, 'headDim', [5], withSpec);
  const positions = [-1, 0.5, NaN, Infinity, 2 ** 24, 2 ** 32, ...NOT_NUMBERS, undefined];
  await refuses('position', positions, (value) => runtime.factorize(x, weights, spec, value));
  const nan = new Float32Array(12).fill(NaN, 11);
  await refuses('x', [...NOT_FLOATS, new Float32Array(0), new Float32Array(7), nan], (value) =>
    runtime.factorize(value, weights, spec, 0),
  );
  for (const name of Object.keys(weights) as (keyof typeof weights)[]) {
    const good = weights[name]!;
    const floats = [good.subarray(1), new Float32Array(good.length + 1), good.with(2, Infinity)];
    await refusesField(weights, name, [...NOT_FLOATS, ...floats], withWeights);
  }
  await refuses('wQ', [{ ...spec, rankQ: 0 }], withSpec);
  await refuses('weights', NOT_OBJECTS, withWeights);
  await refuses('spec', NOT_OBJECTS, withSpec);
});

test('after all that the cache holds what it held', () => {
  assertHolds(runtime, cache, TOKENS, 'cache');
});

test.run();
