import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compute } from '../../src/compute/compute.ts';
import type { ModelConfig } from '../../src/format/config/model-config.ts';
import { type LoadOptions, loadModel, type Model, TpaError } from '../../src/index.ts';
import { memoryNeeds } from '../../src/model/budget.ts';
import { cacheSizes } from '../../src/model/cache-sizes.ts';
import { checkBudget, longestContext } from '../../src/model/check-budget.ts';
import { type DtypeOption, WeightDtypes } from '../../src/weights/dtypes.ts';
import { parameterCount } from '../../src/weights/tensors.ts';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { LLAMA_VARIANTS, llamaVariant } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { outcomeOf, refused } from '../helpers/checks/refused.ts';
import { t6Config } from '../helpers/models/tiny-configs.ts';
import { tinyConfig } from '../helpers/models/tiny-model.ts';
import { fileOf, tensorsOf } from '../helpers/models/streamed-weights.ts';
import { livelyT6 } from '../helpers/models/t6-model.ts';

const test = suite('checkBudget()');

const VARIANTS = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];
const WASM_PAGE = 65536;
const F32 = new WeightDtypes('f32');
const compute = new Compute(await createEngine({ simd: 'baseline' }));

test('C2 needs what it says: one byte less is refused, with the longest context that fits', async () => {
  const config = tinyConfig({ block_size: 50_000 });
  const { needed, weights, context } = memoryNeeds(compute, config);
  assert.ok(needed > weights + context && weights >= 4 * parameterCount(config));
  checkBudget(compute, config, F32, 'f32', needed);
  const error = await refused(
    () => checkBudget(compute, config, F32, 'f32', needed - 1),
    'RESOURCE_LIMIT',
  );
  assert.equal(error.data, { needed, limit: needed - 1 });
  const advised = Number(
    /load it with a "dtype" of "q4" or a "contextLength" of at most (\d+)$/.exec(
      error.message,
    )?.[1],
  );
  assert.is(advised, longestContext(compute, config, needed - 1));
  const shorter = (contextLength: number) =>
    memoryNeeds(compute, { ...config, contextLength }).needed;
  assert.ok(shorter(advised) <= needed - 1 && shorter(advised + 1) > needed - 1);
  await refused(
    () => checkBudget(compute, config, F32, 'f32', 2 ** 16),
    'RESOURCE_LIMIT',
    /load it with a larger "memoryLimit"$/,
  );
  await refused(() => checkBudget(compute, config, F32, 'f32', NaN), 'RESOURCE_LIMIT');
  assert.is(compute.heap.used, 0);
});

for (const dtype of ['f32', 'q8', 'q4'] as const) {
  test(`${dtype}: a model takes what is counted, to the byte, and so does a session that is full`, async () => {
    for (const { name, build } of VARIANTS) await fillCounted(name, build().source, dtype);
  });
}

async function fillCounted(name: string, source: ModelBytes, dtype: 'f32' | 'q8' | 'q4') {
  using model = await loadModel(source, { simd: 'baseline', backend: 'wasm', dtype });
  const { config } = model;
  const { weights, context, needed } = memoryNeeds(compute, config, new WeightDtypes(dtype));
  const idle = model.memory().used;
  assert.ok(idle > weights && idle + compute.heap.base <= needed, name);
  using session = model.createSession();
  const { contextLength } = config;
  await session.prefill(Array.from({ length: contextLength }, (_, i) => i % 60));
  const { cacheBytesPerToken, stateBytes } = cacheSizes(config);
  assert.ok(session.byteLength >= Math.max(contextLength * cacheBytesPerToken, 2 * stateBytes));
  // a state of linear attention is made beside two others within a step
  const isLinear = stateBytes > 0;
  const { used } = model.memory();
  const peak = used + compute.heap.base + (isLinear ? used - idle : 0);
  assert.ok(peak >= weights + context, name);
  if (!isLinear && needed > weights + 2 ** 21) assert.is(used + compute.heap.base, needed, name);
}

/** Models that differ in what they keep, with a context that matters beside the 1 MB of loading. */
const CONTEXTS: Readonly<Record<string, number>> = {
  'tpa-kvonly': 1700, // a page table of more than 16 pages
  'tpa-nonctx-a': 1000,
  'tpa-nonctx-b': 3000,
  'tpa-shared-b': 1000,
  'tpa-third-order': 2000,
  mha: 1200,
  mla: 1600,
  'gqa-partial-decay': 2400,
  'linear-tpa': 500,
  'llama-mha': 900,
  'mistral-window': 900,
};

test('what is accepted fills its context, what is advised too, whatever the limit', async () => {
  let advices = 0;
  const golden = { name: 't6', build: () => livelyT6(1000) };
  const chosen = VARIANTS.filter(({ name }) => name in CONTEXTS);
  assert.is(chosen.length, Object.keys(CONTEXTS).length);
  for (const { name, build } of [...chosen, golden]) {
    const { source } = build();
    const length = CONTEXTS[name] ?? 1000;
    const config = source.config as object;
    const key = 'block_size' in config ? 'block_size' : 'max_position_embeddings';
    const longer = { ...source, config: { ...config, [key]: length } };
    const open = (options: LoadOptions) =>
      loadModel(longer, { simd: 'baseline', backend: 'wasm', dtype: 'f32', ...options });
    const { needed } = await open({}).then((model) => {
      const needs = memoryNeeds(compute, model.config);
      model.dispose();
      return needs;
    });
    const enough = Math.ceil(needed / WASM_PAGE) * WASM_PAGE;
    for (const less of [0, 1, 2, 5, 8, 12, 20, 40]) {
      const memoryLimit = enough - less * WASM_PAGE;
      if (memoryLimit < 2 ** 20) break;
      const outcome = await outcomeOf(() => open({ memoryLimit }));
      if (!(outcome instanceof TpaError)) {
        assert.is(less, 0, `${name}: accepted with less than it needs`);
        await fill(outcome as Model, `${name} ${memoryLimit}`);
        continue;
      }
      assert.ok(less > 0, `${name}: ${outcome.message}`);
      assert.is(outcome.code, 'RESOURCE_LIMIT', name);
      const advised = /"contextLength" of at most (\d+)$/.exec(outcome.message)?.[1];
      if (advised === undefined) continue;
      advices++;
      const contextLength = Number(advised);
      await fill(await open({ memoryLimit, contextLength }), `${name} ${memoryLimit}`);
      const tooLong = { memoryLimit, contextLength: contextLength + 1 };
      await refused(() => open(tooLong), 'RESOURCE_LIMIT', name);
    }
  }
  assert.ok(advices > 20, `${advices} were tried`);
});

test('"auto" takes q8 where the floats of the files do not fit, and says so', async () => {
  const { source } = llamaVariant('llama-untied').build();
  // a context that takes more than reading weights does, so that a shorter one makes room
  const sizes = { vocab_size: 20_000, max_position_embeddings: 2048 };
  const config = { ...(source.config as object), ...sizes };
  const tables = ['model.embed_tokens.weight', 'lm_head.weight'].map((name) => {
    return { name, shape: [20_000, 48], data: new Float32Array(20_000 * 48).fill(0.01) };
  });
  const rest = tensorsOf(llamaVariant('llama-untied')).filter(({ shape }) => shape[0] !== 97);
  const large = { config, weights: fileOf([...rest, ...tables]) };
  const open = (options: LoadOptions) =>
    loadModel(large, { simd: 'baseline', backend: 'wasm', ...options });
  using exact = await open({});
  assert.equal([exact.info().dtype, exact.info().dtypeReason], ['f32', undefined]);
  const needs = (dtype: DtypeOption) =>
    memoryNeeds(compute, exact.config, new WeightDtypes(dtype)).needed;
  const limitOf = (dtype: DtypeOption) => Math.ceil(needs(dtype) / WASM_PAGE) * WASM_PAGE;

  const memoryLimit = limitOf('q8');
  using model = await open({ memoryLimit });
  const { dtype, dtypeReason, weightBytes } = model.info();
  assert.is(dtype, 'q8');
  const reason = `with its floats as f32 it would need ${needs('f32')} bytes of the ${memoryLimit} allowed`;
  assert.is(dtypeReason, reason);
  assert.ok(weightBytes < exact.info().weightBytes / 2.5);
  await fill(model, 'chosen');

  const cures: [LoadOptions, RegExp][] = [
    [{ dtype: 'f32', memoryLimit }, /load it with a "dtype" of "q8"$/],
    [{ dtype: 'f32', memoryLimit: limitOf('q4') }, /load it with a "dtype" of "q4"$/],
    [{ memoryLimit: limitOf('q4') }, /load it with a "dtype" of "q4"$/],
    [{ dtype: 'q8', memoryLimit: limitOf('q4') }, /load it with a "dtype" of "q4"$/],
    [
      { dtype: 'q8', memoryLimit: memoryLimit - WASM_PAGE },
      /load it with a "dtype" of "q4" or a "contextLength" of at most \d+$/,
    ],
    [
      { dtype: 'f32', memoryLimit: limitOf('q4') - WASM_PAGE },
      /load it with a "dtype" of "q4" and a "contextLength" of at most \d+$/,
    ],
    [{ dtype: 'f32', memoryLimit: 2 ** 20 }, /load it with a larger "memoryLimit"$/],
  ];
  for (const [options, cure] of cures) {
    const { message, data } = await refused(() => open(options), 'RESOURCE_LIMIT', cure);
    assert.is(data['limit'], options.memoryLimit);
    const [, advised, length] =
      /"dtype" of "(q\d)"(?:.* "contextLength" of at most (\d+))?$/.exec(message) ?? [];
    if (advised === undefined) continue;
    const together = length !== undefined && message.includes(' and ');
    using cured = await open({
      ...options,
      dtype: advised as 'q8' | 'q4',
      ...(together ? { contextLength: Number(length) } : {}),
    });
    assert.is(cured.info().dtype, advised);
  }
});

/** Prefills most of the context, decodes the rest. */
async function fill(model: Model, what: string): Promise<void> {
  const { contextLength } = model.config;
  const ids = Array.from({ length: contextLength }, (_, i) => i % 60);
  const session = model.createSession();
  const count = Math.max(1, contextLength - 5);
  try {
    await session.prefill(ids.slice(0, count));
    for (const id of ids.slice(count)) await session.decode(id);
  } catch (error) {
    assert.unreachable(`${what}: ${String(error)}`);
  }
  assert.is(session.length, contextLength, what);
  model.dispose();
}

test('C2 a state of 4 GiB, which would wrap to 0 in 32 bits, is refused', async () => {
  const config = t6Config('tpa', {
    attention: 'linear',
    n_layer: 1,
    n_head: 1024,
    head_dim: 1024,
    n_embd: 1,
    block_size: 1,
  });
  assert.is(cacheSizes(config).stateBytes, 2 ** 32);
  await refused(() => checkBudget(compute, config, F32), 'RESOURCE_LIMIT');
});

test('a model whose context is too large loads with a smaller contextLength, and computes the same', async () => {
  const { config, build } = llamaVariant('llama-rope-llama3');
  const { source } = build();
  const vast = { ...source, config: { ...config, max_position_embeddings: 2 ** 24 } };
  const options = { simd: 'baseline', memoryLimit: 2 ** 26 } as const;
  await refused(() => loadModel(vast, options), 'RESOURCE_LIMIT', /a context of 16777216 tokens/);
  using model = await loadModel(vast, { ...options, contextLength: 64 });
  using whole = await loadModel(source, { simd: 'baseline' });
  const ids = Array.from({ length: 64 }, (_, i) => i);
  assert.is(model.config.contextLength, 64);
  assert.equal(await model.logits(ids), await whole.logits(ids));
  await refused(() => model.logits([...ids, 1]), 'CONTEXT_OVERFLOW');
  using larger = await loadModel(source, { simd: 'baseline', contextLength: 2 ** 20 });
  assert.is(larger.config.contextLength, whole.config.contextLength);
});

test('C2 refuses legal but absurd sizes without taking memory for them', async () => {
  const largest: Partial<Record<string, number>> = {
    n_layer: 16_384,
    n_head: 1024,
    head_dim: 1024,
    n_embd: 32_768,
    rank: 1024,
    q_rank: 1024,
    vocab_size: 2 ** 20,
    block_size: 2 ** 24,
  };
  const { size } = compute.heap;
  for (const changes of [
    { n_layer: 10_000, n_embd: 4096 },
    { block_size: 2 ** 24 },
    { vocab_size: 2 ** 20, n_embd: 2 ** 15 },
    largest,
  ]) {
    const config: ModelConfig = tinyConfig(changes);
    const error = await refused(
      () => checkBudget(compute, config, F32, 'f32', 2 ** 30),
      'RESOURCE_LIMIT',
    );
    assert.ok(Number(error.data['needed']) > 2 ** 30);
    assert.is(error.data['limit'], 2 ** 30);
  }
  assert.equal([compute.heap.size, compute.heap.used], [size, 0]);
  assert.ok(Number.isSafeInteger(parameterCount(tinyConfig(largest))));
});

test.run();
