import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Estimate,
  estimateModel,
  type EstimateOptions,
  loadModel,
  type ModelSource,
} from '../../src/index.ts';
import { asBytes, GOOD_CONFIG, GOOD_FILES } from '../helpers/models/hostile-models.ts';
import { buildGguf } from '../helpers/files/build-gguf.ts';
import { llamaGguf } from '../helpers/files/llama-gguf.ts';
import { LLAMA_VARIANTS, llamaVariant } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';

const test = suite('estimateModel()');

const WASM_PAGE = 65_536;
const SIMD = { simd: 'baseline' } as const;
const good = asBytes(GOOD_FILES)!;

/** Asserts that loading takes what was told, to the byte; and what it says of itself. */
async function isTaken(
  source: ModelSource,
  options: EstimateOptions,
  what: string,
): Promise<Estimate> {
  const how = { ...SIMD, ...options };
  const estimate = await estimateModel(source, how);
  using model = await loadModel(source, { ...how, backend: 'wasm' });
  const info = model.info();
  assert.is(estimate.loadedBytes, model.memory().used, what);
  assert.is(estimate.memoryLimit, model.memory().limit, what);
  assert.is(estimate.contextLength, model.config.contextLength, what);
  for (const key of [
    'parameters',
    'dtype',
    'cacheDtype',
    'weightBytes',
    'weights',
    'cacheBytesPerToken',
    'stateBytes',
  ] as const) {
    assert.equal(estimate[key], info[key], `${what}: ${key}`);
  }
  return estimate;
}

test('what loading takes, to the byte, by every mechanism', async () => {
  for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
    await isTaken(build().source, {}, name);
  }
});

test('what loading takes as f32, q8 and q4, and what the file has', async () => {
  for (const dtype of ['f32', 'q8', 'q4'] as const) {
    const estimate = await isTaken(good, { dtype }, dtype);
    assert.is(estimate.dtype, dtype);
    assert.is(estimate.dtypeReason, 'asked for');
  }
  assert.is((await isTaken(good, {}, 'auto')).dtypeReason, 'what the files have');
});

test('what loading takes of a GGUF file, whose types it keeps or not', async () => {
  const { config, build } = llamaVariant('llama-gqa');
  for (const [type, kept] of [
    ['F16', 'f32'],
    ['Q8_0', 'q8'],
    ['Q4_0', 'q4'],
  ] as const) {
    const file = buildGguf(llamaGguf(config, build().tensors, type).parts);
    const auto = await isTaken(file, {}, type);
    assert.ok([kept, 'mixed'].includes(auto.dtype), `${type}: ${auto.dtype}`);
    assert.is(auto.fileBytes, file.byteLength);
    for (const dtype of ['f32', 'q8', 'q4'] as const) {
      await isTaken(file, { dtype }, `${type} as ${dtype}`);
    }
  }
});

test('the total is the least memory that loads, and so is the longest context the longest', async () => {
  const config = { ...GOOD_CONFIG, block_size: 20_000 };
  const source = { ...good, config };
  const load = (options: EstimateOptions) =>
    loadModel(source, { ...SIMD, backend: 'wasm', dtype: 'f32', ...options });
  const whole = await estimateModel(source, { ...SIMD, dtype: 'f32' });
  assert.ok(whole.fits);
  assert.is(whole.longestContext, 20_000);
  const enough = Math.ceil(whole.totalBytes / WASM_PAGE) * WASM_PAGE;
  (await load({ memoryLimit: enough })).dispose();
  const memoryLimit = enough - WASM_PAGE;
  const needed = { needed: whole.totalBytes, limit: memoryLimit };
  await refused(() => load({ memoryLimit }), 'RESOURCE_LIMIT', needed);

  const less = await estimateModel(source, { ...SIMD, dtype: 'f32', memoryLimit });
  assert.not(less.fits);
  assert.is(less.totalBytes, whole.totalBytes);
  const { longestContext: contextLength } = less;
  assert.ok(contextLength > 0 && contextLength < 20_000);
  (await load({ memoryLimit, contextLength })).dispose();
  const longer = { memoryLimit, contextLength: contextLength + 1 };
  await refused(() => load(longer), 'RESOURCE_LIMIT');

  // of a context that is asked for, the longest is still told
  const short = await estimateModel(source, {
    ...SIMD,
    dtype: 'f32',
    contextLength: 10,
    memoryLimit,
  });
  assert.ok(short.fits);
  assert.is(short.contextLength, 10);
  assert.is(short.longestContext, contextLength);
  const { contextBytes, totalBytes } = await estimateModel(source, { ...SIMD, contextLength: 1 });
  assert.ok(contextBytes < whole.contextBytes && totalBytes < whole.totalBytes);
});

test('no context fits a memory that the weights fill; q8 where floats would not fit', async () => {
  const source = { ...good, config: { ...GOOD_CONFIG, block_size: 2 ** 24 } };
  const least = { ...SIMD, memoryLimit: 2 ** 20, dtype: 'f32' } as const;
  const none = await estimateModel(source, least);
  assert.equal([none.fits, none.longestContext], [false, 0]);
  const narrow = await estimateModel(source, { ...SIMD, memoryLimit: 2 ** 21 });
  assert.equal([narrow.fits, narrow.dtype], [false, 'q8']);
  assert.match(
    narrow.dtypeReason,
    /^with its floats as f32 it would need \d+ bytes of the 2097152/,
  );
});

test('what loading refuses is refused, and options that it does not have', async () => {
  await refused(() => estimateModel({ ...good, config: '{' }), 'CONFIG_INVALID');
  const weights = good.weights as ReadonlyMap<string, Uint8Array>;
  const cut = weights.get('model.safetensors')!.slice(0, 5000);
  await refused(() => estimateModel({ ...good, weights: cut }), 'WEIGHTS_TRUNCATED');
  const other = { ...good, config: { ...GOOD_CONFIG, n_embd: 81 } };
  await refused(() => estimateModel(other), 'MODEL_MISMATCH');
  const aborted = { signal: AbortSignal.abort() };
  await refused(() => estimateModel(good, aborted), 'ABORTED');
  const from = (options: object) => () => estimateModel(good, options);
  await assertMistakes([
    [from({ sha256: {} }), TypeError, /^"sha256" is not an option of estimateModel/],
    [from({ contextlength: 5 }), TypeError, /did you mean "contextLength"\?/],
    [from({ contextLength: 0 }), RangeError, /^"contextLength" expected an integer/],
    [from({ dtype: 'q5' }), RangeError, /^"dtype" expected/],
    [from({ memoryLimit: 5 }), RangeError, /^"memoryLimit" expected/],
    [() => estimateModel(good, null as never), TypeError, /^"options" expected an object/],
    [() => estimateModel(5 as never), TypeError, /^"source" expected/],
  ]);
});

test.run();
