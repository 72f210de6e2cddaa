import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eachRefused, refused } from '../../helpers/checks/refused.ts';
import { llamaConfig } from '../../helpers/models/tiny-configs.ts';
import type { Family, Json } from '../../helpers/models/tiny-configs.ts';

const test = suite('parseConfig() of the LLaMA layout');

const FAMILIES: readonly Family[] = ['llama', 'mistral', 'qwen2', 'qwen3'];

test('reads the keys of transformers', () => {
  assert.equal(llamaConfig('llama'), {
    layout: 'llama',
    mechanism: 'gqa',
    layers: 3,
    heads: 6,
    kvHeads: 2,
    headDim: 8,
    dim: 24,
    hiddenDim: 40,
    rankQ: 0,
    rankK: 2,
    rankV: 2,
    headFactors: 'groups',
    featureFactors: 'contextual',
    outerDim: 1,
    isLinear: false,
    usesSigmoid: false,
    vocabSize: 32,
    contextLength: 131_072,
    ropeTheta: 500_000,
    ropePrecision: 'float32',
    ropeDirection: -1,
    rotaryDim: 8,
    ropeDecay: 1,
    normEps: 1e-5,
    hasNormWeights: true,
    usesGroupNorm: false,
    usesQueryKeyNorm: false,
    hasQkvBias: false,
    hasOutputBias: false,
    hasMlpBias: false,
    isTied: false,
    eosTokenIds: [2],
    ignoredKeys: [
      'attention_dropout',
      'bos_token_id',
      'pretraining_tp',
      'torch_dtype',
      'use_cache',
    ],
  });
});

test('keys left out have the defaults of transformers', () => {
  const optional: Json = {
    head_dim: undefined,
    num_key_value_heads: undefined,
    max_position_embeddings: undefined,
    rms_norm_eps: undefined,
    rope_theta: undefined,
    rope_scaling: undefined,
    tie_word_embeddings: undefined,
    attention_bias: undefined,
    mlp_bias: undefined,
    hidden_act: undefined,
    pretraining_tp: undefined,
    eos_token_id: undefined,
  };
  const contexts = { llama: 2048, mistral: 131_072, qwen2: 32_768, qwen3: 32_768 };
  for (const family of FAMILIES) {
    for (const nothing of [undefined, null]) {
      const changes = Object.fromEntries(Object.keys(optional).map((key) => [key, nothing]));
      const config = llamaConfig(family, changes);
      assert.is(config.headDim, family === 'qwen3' ? 128 : 4);
      assert.is(config.rotaryDim, config.headDim);
      assert.equal([config.kvHeads, config.mechanism], [6, 'mha']);
      assert.is(config.contextLength, contexts[family]);
      assert.equal([config.normEps, config.ropeTheta, config.isTied], [1e-6, 10_000, false]);
      assert.equal(config.eosTokenIds, []);
    }
  }
});

test('mha, gqa and mqa are told by num_key_value_heads, a divisor of the heads', async () => {
  for (const [num_key_value_heads, mechanism] of [
    [1, 'mqa'],
    [2, 'gqa'],
    [3, 'gqa'],
    [6, 'mha'],
  ] as const) {
    const config = llamaConfig('llama', { num_key_value_heads });
    assert.is(config.mechanism, mechanism);
    assert.equal([config.rankK, config.rankV], [num_key_value_heads, num_key_value_heads]);
  }
  for (const num_key_value_heads of [4, 5, 7, 0]) {
    await refused(() => llamaConfig('llama', { num_key_value_heads }), 'CONFIG_INVALID', {
      path: 'num_key_value_heads',
    });
  }
});

test('head_dim is even; left out, it divides hidden_size', async () => {
  await eachRefused(
    (changes) => llamaConfig('mistral', changes),
    'CONFIG_INVALID',
    [{ head_dim: 7 }, { head_dim: null, hidden_size: 25 }, { head_dim: null, hidden_size: 18 }],
    { path: 'head_dim' },
  );
});

const biases = (family: Family, changes: Json): boolean[] => {
  const { hasQkvBias, hasOutputBias, hasMlpBias } = llamaConfig(family, changes);
  return [hasQkvBias, hasOutputBias, hasMlpBias];
};

test('biases: LLaMA and Qwen3 by attention_bias on q, k, v, o; Qwen2 always on q, k, v', async () => {
  assert.equal(biases('llama', { attention_bias: true }), [true, true, false]);
  assert.equal(biases('llama', { mlp_bias: true }), [false, false, true]);
  assert.equal(biases('qwen3', { attention_bias: true }), [true, true, false]);
  assert.equal(biases('qwen3', {}), [false, false, false]);
  assert.equal(biases('qwen2', {}), [true, false, false]);
  assert.equal(biases('qwen2', { attention_bias: true }), [true, false, false]);
  assert.equal(biases('mistral', {}), [false, false, false]);
  await refused(() => llamaConfig('mistral', { attention_bias: true }), 'MODEL_UNSUPPORTED', {
    path: 'attention_bias',
  });
  for (const family of ['mistral', 'qwen2', 'qwen3'] as const) {
    await refused(() => llamaConfig(family, { mlp_bias: true }), 'MODEL_UNSUPPORTED');
  }
});

test('eos_token_id is one id or several below vocab_size; tie_word_embeddings ties', () => {
  assert.equal(llamaConfig('qwen2', { eos_token_id: [31, 0] }).eosTokenIds, [31, 0]);
  assert.is(llamaConfig('llama', { tie_word_embeddings: true }).isTied, true);
});

test('keys that change the computation are refused by name, their neutral values are not', async () => {
  const table: [string, unknown, unknown][] = [
    ['hidden_act', 'gelu_pytorch_tanh', 'silu'],
    ['hidden_activation', 'gelu', 'swish'],
    ['partial_rotary_factor', 0.5, 1],
    ['quantization_config', { quant_method: 'gptq' }, null],
    ['quantization', { bits: 4 }, {}],
    ['attn_logit_softcapping', 50, null],
    ['final_logit_softcapping', 30, null],
    ['query_pre_attn_scalar', 256, 8],
    ['logit_scale', 0.0625, 1],
    ['logits_scaling', 8, 1],
    ['attention_multiplier', 0.0078125, 1 / Math.sqrt(8)],
    ['embedding_multiplier', 12, 1],
    ['residual_multiplier', 0.22, 1],
    ['clip_qkv', 8, false],
    ['qk_norm', true, false],
    ['use_qk_norm', true, false],
    ['rope_interleaved', true, false],
    ['rope_interleave', true, false],
    ['use_mrope', true, false],
    ['no_rope_layers', [1, 0, 1], [1, 1, 1]],
    ['no_rope_layers', [1, 1], []],
    ['no_rope_layer_interval', 4, -1],
    ['attention_chunk_size', 8192, 0],
    ['num_local_experts', 8, 1],
    ['num_experts', 64, 0],
    ['n_routed_experts', 64, 0],
    ['use_parallel_residual', true, false],
    ['is_encoder_decoder', true, false],
    ['add_cross_attention', true, false],
  ];
  for (const [key, value, neutral] of table) {
    for (const family of FAMILIES) {
      const run = (): unknown => llamaConfig(family, { [key]: value });
      const error = await refused(run, 'MODEL_UNSUPPORTED', key, { path: key });
      assert.ok(error.message.includes(key), error.message);
      const config = llamaConfig(family, { [key]: neutral });
      assert.equal(config, llamaConfig(family));
    }
  }
  const act = await refused(
    () => llamaConfig('llama', { hidden_act: 'relu2' }),
    ['MODEL_UNSUPPORTED'],
  );
  assert.match(act.message, /expected silu or swish, got relu2/);
});

test.run();
