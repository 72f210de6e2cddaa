import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import type { ModelConfig } from '../../src/format/config/model-config.ts';
import { checkBudget, memoryNeeds } from '../../src/model/budget.ts';
import { parameterCount } from '../../src/weights/tensors.ts';
import { LLAMA_VARIANTS, llamaVariant } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { refused } from '../helpers/checks/refused.ts';
import { llamaConfig, t6Config } from '../helpers/models/tiny-configs.ts';
import { tinyConfig } from '../helpers/models/tiny-model.ts';

const test = suite('checkBudget()');

const weights = (config: ModelConfig) => 4 * parameterCount(config);

/** Refused with one byte less than `needed`. */
async function needs(config: ModelConfig, needed: number, what: string): Promise<void> {
  checkBudget(config, needed);
  const error = await refused(() => checkBudget(config, needed - 1), 'RESOURCE_LIMIT', what);
  assert.equal(error.data, { needed, limit: needed - 1 }, what);
  assert.match(
    error.message,
    /load it with a (?:"contextLength" of at most \d+|larger "memoryLimit")/,
  );
}

test('C2 counts weights and a full context, refuses one byte less', async () => {
  const config = tinyConfig();
  const { weightBytes, cacheBytesPerToken, stateBytes, tableBytes } = memoryNeeds(config);
  assert.is(weightBytes, 4 * parameterCount(config));
  assert.is(cacheBytesPerToken, (2 + 2) * (3 + 4) * 4 * 2);
  assert.equal([stateBytes, tableBytes], [0, 0]);
  await needs(config, weightBytes + 16 * cacheBytesPerToken, 'tpa');
  await refused(() => checkBudget(config, NaN), 'RESOURCE_LIMIT');
});

test('C2 counts what each mechanism keeps besides: states, tables, repeated factors, panels', async () => {
  // 2 layers of 4 heads of 4 features, rank 2, a context of 16 in one page of 96
  const linear = t6Config('gqa', { attention: 'linear' });
  await needs(linear, weights(linear) + 2 * 3 * (2 * 4 * 4) * 4, 'three states of 2 K/V heads');
  const single = t6Config('tpa', { attention: 'linear', block_size: 1 });
  await needs(single, weights(single) + 2 * (4 * 4 * 4) * 4, 'one state of 4 heads');

  const shared = t6Config('tpa-shared-b');
  const sharedCache = 16 * 2 * (2 * 2 * 4 + 2 * 4) * 4;
  await needs(shared, weights(shared) + sharedCache + 96 * 4 * 4, 'tables of 96 positions');
  const fixedB = t6Config('tpa-nonctx-b', { rope_partial_factor: 0.5 });
  const repeated = 2 * (2 * 96 * 4 - 2 * 4) * 4;
  const fixedBytes = weights(fixedB) + 16 * 2 * (2 * 2 * 4) * 4 + repeated + 96 * 2 * 4;
  await needs(fixedB, fixedBytes, 'B_V for every token of a page, tables of 2 features');
  const fixedA = t6Config('tpa-nonctx-a');
  const lanes = 2 * ((16 + 2) * 48 - 16) * 4;
  await needs(fixedA, weights(fixedA) + 16 * 2 * (2 * 2 * 4) * 4 + lanes, 'A in every lane');

  const mla = t6Config('mla');
  const panels = 2 * 4 * (42 * 4 + 40 * 6) * 4;
  await needs(mla, weights(mla) + 16 * 2 * (6 + 2) * 4 + panels, 'panels of each head');

  const llama = llamaConfig('llama', { max_position_embeddings: 10 });
  await needs(llama, weights(llama) + 10 * 3 * (2 * 2 * 8) * 4, 'an untied head');
  const tied = llamaConfig('llama', { max_position_embeddings: 10, tie_word_embeddings: true });
  assert.is(weights(llama) - weights(tied), 32 * 24 * 4);
  const biased = llamaConfig('llama', { attention_bias: true, mlp_bias: true });
  assert.is(weights(biased) - weights(llama), 3 * (48 + 16 + 16 + 24 + 40 + 40 + 24) * 4);
});

test('what a model takes is at least what is counted', async () => {
  for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
    using model = await loadModel(build().source, { simd: 'baseline' });
    const { weightBytes, tableBytes, cacheBytesPerToken, stateBytes } = memoryNeeds(model.config);
    const { used } = model.memory();
    assert.ok(used >= weightBytes + tableBytes, name);
    const { contextLength } = model.config;
    using session = model.createSession();
    await session.prefill(Array.from({ length: contextLength }, (_, i) => i % 60));
    const cacheBytes = Math.max(contextLength * cacheBytesPerToken, 2 * stateBytes);
    assert.ok(session.byteLength >= cacheBytes, name);
    assert.ok(session.byteLength <= 2 * cacheBytes, `${name}: ${session.byteLength}`);
  }
});

test('C2 a state of 4 GiB, which would wrap to 0 in 32 bits, is refused', async () => {
  const config = t6Config('tpa', {
    attention: 'linear',
    n_layer: 1,
    n_head: 1024,
    head_dim: 1024,
    n_embd: 1,
    block_size: 1,
  });
  assert.is(memoryNeeds(config).stateBytes, 2 ** 32);
  await refused(() => checkBudget(config, 2 ** 32 - 65536), 'RESOURCE_LIMIT');
});

test('a model whose context is too large loads with a smaller contextLength, and computes the same', async () => {
  const { config, build } = llamaVariant('llama-rope-llama3');
  const { source } = build();
  const vast = { ...source, config: { ...config, max_position_embeddings: 2 ** 24 } };
  const options = { simd: 'baseline', memoryLimit: 2 ** 26 } as const;
  const error = await refused(() => loadModel(vast, options), 'RESOURCE_LIMIT');
  assert.match(
    error.message,
    /context of 16777216 tokens; load it with a "contextLength" of at most \d+/,
  );
  using model = await loadModel(vast, { ...options, contextLength: 64 });
  using whole = await loadModel(source, { simd: 'baseline' });
  const ids = Array.from({ length: 64 }, (_, i) => i);
  assert.is(model.config.contextLength, 64);
  assert.equal(await model.logits(ids), await whole.logits(ids));
  await refused(() => model.logits([...ids, 1]), 'CONTEXT_OVERFLOW');
  using larger = await loadModel(source, { simd: 'baseline', contextLength: 2 ** 20 });
  assert.is(larger.config.contextLength, whole.config.contextLength);
});

test('C2 refuses legal but absurd sizes at once, exact beyond 2^53', async () => {
  const largest = {
    n_layer: 16_384,
    n_head: 1024,
    head_dim: 1024,
    n_embd: 32_768,
    rank: 1024,
    q_rank: 1024,
    vocab_size: 2 ** 20,
    block_size: 2 ** 24,
  };
  for (const changes of [
    { n_layer: 10_000, n_embd: 4096 },
    { block_size: 2 ** 24 },
    { vocab_size: 2 ** 20, n_embd: 2 ** 15 },
    largest,
  ]) {
    const error = await refused(() => checkBudget(tinyConfig(changes), 2 ** 30), 'RESOURCE_LIMIT');
    assert.ok(Number(error.data['needed']) > 2 ** 30);
    assert.is(error.data['limit'], 2 ** 30);
  }
  assert.ok(Number.isSafeInteger(parameterCount(tinyConfig(largest))));
});

test.run();
