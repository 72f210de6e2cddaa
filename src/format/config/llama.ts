import { LIMITS, SMALLEST } from './limits.ts';
import { denseMechanisms } from './mechanism.ts';
import { readRope } from './rope-scaling.ts';
import { readSlidingWindow } from './sliding-window.ts';
import type { LlamaFamily } from './family.ts';
import type { Fields } from './fields.ts';
import type { ModelConfig } from './model-config.ts';

/** Where a family's transformers class differs in what it takes for keys that are left out. */
const DEFAULTS: Readonly<Record<LlamaFamily, { contextLength: number; headDim?: number }>> = {
  llama: { contextLength: 2048 },
  mistral: { contextLength: 131_072 },
  qwen2: { contextLength: 32_768 },
  qwen3: { contextLength: 32_768, headDim: 128 },
};
const DEFAULT_NORM_EPS = 1e-6;

/** Keys that change the computation, here or in a relative, unless they have this value. */
const NEUTRAL: readonly (readonly [string, unknown])[] = [
  ['hidden_act', 'silu'],
  ['pretraining_tp', 1],
  ['quantization_config', undefined],
  ['quantization', undefined],
  ['attn_logit_softcapping', undefined],
  ['final_logit_softcapping', undefined],
  ['query_pre_attn_scalar', undefined],
  ['logit_scale', 1],
  ['logits_scaling', 1],
  ['attention_multiplier', undefined],
  ['embedding_multiplier', 1],
  ['residual_multiplier', 1],
  ['clip_qkv', undefined],
  ['qk_norm', false],
  ['use_qk_norm', false],
  ['rope_interleaved', false],
  ['rope_interleave', false],
  ['use_mrope', false],
  ['no_rope_layers', undefined],
  ['no_rope_layer_interval', undefined],
  ['attention_chunk_size', undefined],
  ['num_local_experts', 0],
  ['num_experts', 0],
  ['n_routed_experts', 0],
  ['use_parallel_residual', false],
  ['is_encoder_decoder', false],
  ['add_cross_attention', false],
];

type Biases = Pick<ModelConfig, 'hasQkvBias' | 'hasOutputBias' | 'hasMlpBias'>;

/**
 * Checks the keys of a config.json in the layout of Hugging Face LLaMA.
 *
 * @throws TpaError `CONFIG_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`
 */
export function readLlamaConfig(fields: Fields, family: LlamaFamily): ModelConfig {
  for (const [key, value] of NEUTRAL) fields.neutral(key, value);
  const heads = readHeads(fields, family);
  const layers = fields.integer('num_hidden_layers', 1, LIMITS.layers);
  const vocabSize = fields.integer('vocab_size', 1, LIMITS.vocab);
  const contextLength = fields.integer(
    'max_position_embeddings',
    1,
    LIMITS.context,
    DEFAULTS[family].contextLength,
  );
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
    ...readRope(fields, contextLength),
    ropePrecision: 'float32',
    ropeDirection: -1,
    rotaryDim: heads.headDim,
    ropeDecay: 1,
    normEps: fields.number('rms_norm_eps', SMALLEST, 1, DEFAULT_NORM_EPS),
    hasNormWeights: true,
    usesGroupNorm: false,
    usesQueryKeyNorm: family === 'qwen3',
    ...readBiases(fields, family),
    isTied: fields.boolean('tie_word_embeddings'),
    ...(slidingWindow && { slidingWindow }),
    eosTokenIds: fields.integers('eos_token_id', 0, vocabSize - 1, LIMITS.eosIds),
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
  const mechanism = denseMechanisms(heads, kvHeads)[0];
  return { mechanism, heads, kvHeads, headDim, dim };
}

/** LLaMA and Qwen3 bias all four projections of attention or none; Qwen2 q, k and v, always. */
function readBiases(fields: Fields, family: LlamaFamily): Biases {
  if (family === 'llama') {
    const hasBias = fields.boolean('attention_bias');
    const hasMlpBias = fields.boolean('mlp_bias');
    return { hasQkvBias: hasBias, hasOutputBias: hasBias, hasMlpBias };
  }
  fields.neutral('mlp_bias', false);
  if (family === 'qwen3') {
    const hasBias = fields.boolean('attention_bias');
    return { hasQkvBias: hasBias, hasOutputBias: hasBias, hasMlpBias: false };
  }
  if (family === 'mistral') fields.neutral('attention_bias', false);
  return { hasQkvBias: family === 'qwen2', hasOutputBias: false, hasMlpBias: false };
}
