import { LIMITS, SMALLEST } from '../limits.ts';
import { readRope } from './rope.ts';
import { readSlidingWindow } from './sliding-window.ts';
import type { LlamaFamily } from '../family.ts';
import type { Fields } from '../fields.ts';
import type { ModelConfig } from '../model-config.ts';

/** Where a family's transformers class differs in what it takes for keys that are left out. */
const DEFAULTS: Readonly<Record<LlamaFamily, { contextLength: number; headDim?: number }>> = {
  llama: { contextLength: 2048 },
  mistral: { contextLength: 131_072 },
  qwen2: { contextLength: 32_768 },
  qwen3: { contextLength: 32_768, headDim: 128 },
};
const DEFAULT_NORM_EPS = 1e-6;

/** Keys that switch on what is not computed, here or in a relative, unless they are off. */
const SWITCHES: readonly string[] = (
  'quantization_config quantization attn_logit_softcapping final_logit_softcapping clip_qkv ' +
  'qk_norm use_qk_norm rope_interleaved rope_interleave use_mrope no_rope_layer_interval ' +
  'attention_chunk_size use_parallel_residual is_encoder_decoder add_cross_attention'
).split(' ');

/** Keys that change the computation unless they have one of these values. */
const NEUTRAL: readonly (readonly [key: string, ...neutral: (string | number)[]])[] = [
  ['hidden_act', 'silu', 'swish'],
  ['hidden_activation', 'silu', 'swish'],
  ['logit_scale', 1],
  ['logits_scaling', 1],
  ['embedding_multiplier', 1],
  ['residual_multiplier', 1],
  ['num_local_experts', 0, 1],
  ['num_experts', 0, 1],
  ['n_routed_experts', 0, 1],
];

type Biases = Pick<ModelConfig, 'hasQkvBias' | 'hasOutputBias' | 'hasMlpBias'>;

/**
 * Checks the keys of a config.json in the layout of Hugging Face LLaMA.
 *
 * @throws TpaError `CONFIG_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`
 */
export function readLlamaConfig(
  fields: Fields,
  family: LlamaFamily,
  maxContext = Infinity,
): ModelConfig {
  for (const key of SWITCHES) fields.off(key);
  for (const [key, ...values] of NEUTRAL) fields.neutral(key, ...values);
  const heads = readHeads(fields, family);
  const { headDim } = heads;
  // What the queries are divided by elsewhere: it changes nothing where it is what is used here.
  fields.neutral('query_pre_attn_scalar', headDim);
  fields.neutral('attention_multiplier', headDim ** -0.5, 1 / Math.sqrt(headDim));
  const layers = fields.integer('num_hidden_layers', 1, LIMITS.layers);
  checkRotatedLayers(fields, layers);
  const vocabSize = fields.integer('vocab_size', 1, LIMITS.vocab);
  const ownContext = fields.integer(
    'max_position_embeddings',
    1,
    LIMITS.context,
    DEFAULTS[family].contextLength,
  );
  const contextLength = Math.min(ownContext, maxContext);
  const slidingWindow = readSlidingWindow(fields, family, layers);
  return {
    layout: 'llama',
    layers,
    ...heads,
    hiddenDim: fields.integer('intermediate_size', 1, LIMITS.hiddenDim),
    rankQ: 0,
    rankK: heads.kvHeads,
    rankV: heads.kvHeads,
    headFactors: 'groups',
    featureFactors: 'contextual',
    outerDim: 1,
    isLinear: false,
    usesSigmoid: false,
    vocabSize,
    contextLength,
    ...readRope(fields, { ownContext, contextLength, rotaryDim: headDim }),
    ropePrecision: 'float32',
    ropeDirection: -1,
    rotaryDim: headDim,
    ropeDecay: 1,
    normEps: fields.number('rms_norm_eps', SMALLEST, 1, DEFAULT_NORM_EPS),
    hasNormWeights: true,
    usesGroupNorm: false,
    usesQueryKeyNorm: family === 'qwen3',
    ...readBiases(fields, family),
    isTied: fields.boolean('tie_word_embeddings'),
    ...(slidingWindow && { slidingWindow }),
    eosTokenIds: fields.tokenIds('eos_token_id', vocabSize, LIMITS.eosIds),
    ignoredKeys: fields.ignored(),
  };
}

function readHeads(
  fields: Fields,
  family: LlamaFamily,
): Pick<ModelConfig, 'mechanism' | 'heads' | 'kvHeads' | 'headDim' | 'dim'> {
  const dim = fields.integer('hidden_size', 1, LIMITS.dim);
  const heads = fields.integer('num_attention_heads', 1, LIMITS.heads);
  const kvHeads = fields.integer('num_key_value_heads', 1, heads, heads);
  if (heads % kvHeads !== 0) {
    throw fields.invalid('num_key_value_heads', 'a divisor of num_attention_heads', kvHeads);
  }
  const implied = DEFAULTS[family].headDim ?? dim / heads;
  const headDim = fields.integer('head_dim', 2, LIMITS.headDim, implied);
  // RoPE pairs the halves of a head.
  if (headDim % 2 !== 0) throw fields.invalid('head_dim', 'an even integer', headDim);
  const mechanism = kvHeads === heads ? 'mha' : kvHeads === 1 ? 'mqa' : 'gqa';
  return { mechanism, heads, kvHeads, headDim, dim };
}

/** `no_rope_layers` has a 1 for each layer that is rotated, which all must be. */
function checkRotatedLayers(fields: Fields, layers: number): void {
  const key = 'no_rope_layers';
  const value = fields.get(key);
  const isAll = Array.isArray(value) && value.length === layers && value.every((one) => one === 1);
  if (!isAll) fields.off(key);
}

/** LLaMA and Qwen3 bias all four projections of attention or none; Qwen2 q, k and v, always. */
function readBiases(fields: Fields, family: LlamaFamily): Biases {
  if (family === 'llama') {
    const hasBias = fields.boolean('attention_bias');
    const hasMlpBias = fields.boolean('mlp_bias');
    return { hasQkvBias: hasBias, hasOutputBias: hasBias, hasMlpBias };
  }
  fields.off('mlp_bias');
  if (family === 'qwen3') {
    const hasBias = fields.boolean('attention_bias');
    return { hasQkvBias: hasBias, hasOutputBias: hasBias, hasMlpBias: false };
  }
  if (family === 'mistral') fields.off('attention_bias');
  return { hasQkvBias: family === 'qwen2', hasOutputBias: false, hasMlpBias: false };
}
