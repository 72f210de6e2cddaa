import type { LlamaBreak } from '../../reference/llama-breaks.ts';

type Json = Readonly<Record<string, unknown>>;

/** A config.json of a LLaMA-family model with float32 weights. */
export interface LlamaConfigFile {
  readonly name: string;
  readonly config: Json;
  /** Breaks that must move this model's logits. */
  readonly breaks: readonly LlamaBreak[];
}

const COMMON_BREAKS: readonly LlamaBreak[] = [
  'rotation-sign',
  'rotation-interleaved',
  'norm-weight',
  'norm-eps',
  'gate-order',
];
const HEADS: readonly LlamaBreak[] = ['grouping', 'attention-scale'];
const UNTIED: readonly LlamaBreak[] = [...HEADS, 'tied'];

const SHARED = {
  attention_dropout: 0.0,
  hidden_act: 'silu',
  hidden_size: 48,
  initializer_range: 0.02,
  intermediate_size: 128,
  max_position_embeddings: 256,
  num_attention_heads: 6,
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 10000.0,
  tie_word_embeddings: false,
  torch_dtype: 'float32',
  transformers_version: '4.49.0',
  use_cache: true,
  vocab_size: 97,
};

/** As files were before `head_dim` was written: it is hidden_size / heads. */
const OLD_LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  bos_token_id: 1,
  eos_token_id: 2,
  attention_bias: false,
  mlp_bias: false,
  pretraining_tp: 1,
  rope_scaling: null,
  ...SHARED,
};

/** heads · head_dim is twice hidden_size. */
const LLAMA = { ...OLD_LLAMA, head_dim: 16 };

const MISTRAL = {
  architectures: ['MistralForCausalLM'],
  model_type: 'mistral',
  bos_token_id: 1,
  eos_token_id: 2,
  head_dim: 16,
  ...SHARED,
};

/** No head_dim: 16 is hidden_size / heads. */
const QWEN2 = {
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  bos_token_id: 90,
  eos_token_id: [91, 92],
  rope_scaling: null,
  ...SHARED,
  hidden_size: 96,
  intermediate_size: 160,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000.0,
};

const QWEN3 = {
  ...QWEN2,
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  attention_bias: false,
  head_dim: 16,
  hidden_size: 48,
  max_window_layers: 2,
  sliding_window: null,
  tie_word_embeddings: true,
  use_sliding_window: false,
};

/** By name: config.json, and breaks that must move the logits. */
const MODELS: Readonly<Record<string, readonly [config: Json, breaks: readonly LlamaBreak[]]>> = {
  'llama-mha': [
    { ...OLD_LLAMA, num_attention_heads: 3, num_key_value_heads: 3, tie_word_embeddings: true },
    [],
  ],
  'llama-gqa': [{ ...LLAMA, tie_word_embeddings: true }, HEADS],
  'llama-mqa': [
    { ...LLAMA, num_key_value_heads: 1, num_hidden_layers: 3 },
    ['attention-scale', 'tied'],
  ],
  'llama-untied': [LLAMA, UNTIED],
  'llama-attention-bias': [{ ...LLAMA, attention_bias: true }, ['bias', 'output-bias', ...UNTIED]],
  'llama-mlp-bias': [{ ...LLAMA, mlp_bias: true, tie_word_embeddings: true }, ['bias', ...HEADS]],
  'llama-rope-linear': [
    { ...LLAMA, rope_scaling: { type: 'linear', factor: 4.0 } },
    ['scaling', ...UNTIED],
  ],
  // wavelengths 6.3, 20, 63, 199 …: kept below 16, slowed above 64
  'llama-rope-llama3': [
    {
      ...LLAMA,
      max_position_embeddings: 512,
      rope_scaling: {
        factor: 8.0,
        high_freq_factor: 4.0,
        low_freq_factor: 1.0,
        original_max_position_embeddings: 64,
        rope_type: 'llama3',
      },
      rope_theta: 10000.0,
      tie_word_embeddings: true,
    },
    ['scaling', ...HEADS],
  ],
  // factor = max_position_embeddings / original, as Transformers wants it
  'llama-rope-yarn': [
    {
      ...LLAMA,
      max_position_embeddings: 128,
      rope_scaling: { factor: 4.0, original_max_position_embeddings: 32, rope_type: 'yarn' },
    },
    ['scaling', 'attention-factor', ...UNTIED],
  ],
  'llama-rope-yarn-mscale': [
    {
      ...LLAMA,
      max_position_embeddings: 512,
      rope_scaling: {
        beta_fast: 8.0,
        beta_slow: 1.5,
        factor: 8.0,
        mscale: 1.0,
        mscale_all_dim: 0.5,
        original_max_position_embeddings: 64,
        truncate: false,
        type: 'yarn',
      },
    },
    ['scaling', 'attention-factor', ...UNTIED],
  ],
  'mistral-window': [{ ...MISTRAL, sliding_window: 6 }, ['window', 'window-edge', ...UNTIED]],
  // use_sliding_window switches the other two keys off
  qwen2: [
    {
      ...QWEN2,
      max_window_layers: 1,
      sliding_window: 5,
      tie_word_embeddings: true,
      use_sliding_window: false,
    },
    ['bias', 'theta', 'grouping'],
  ],
  'qwen2-window': [
    {
      ...QWEN2,
      layer_types: ['full_attention', 'sliding_attention', 'sliding_attention'],
      max_window_layers: 1,
      num_hidden_layers: 3,
      sliding_window: 5,
      use_sliding_window: true,
    },
    ['bias', 'theta', 'window', 'window-edge', 'window-layers', 'grouping', 'tied'],
  ],
  qwen3: [QWEN3, ['theta', 'norm-order', 'head-norm', ...HEADS]],
  'tinyllama-like': [
    {
      ...OLD_LLAMA,
      hidden_size: 64,
      intermediate_size: 176,
      num_attention_heads: 8,
      num_hidden_layers: 3,
    },
    ['grouping', 'tied'],
  ],
  'smollm2-like': [
    {
      ...OLD_LLAMA,
      bos_token_id: 0,
      eos_token_id: 0,
      hidden_size: 72,
      intermediate_size: 192,
      is_llama_config: true,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      rope_interleaved: false,
      rope_theta: 100000,
      tie_word_embeddings: true,
    },
    ['theta', 'grouping'],
  ],
  // the long factors, since the context is longer than the original one
  'llama-rope-longrope': [
    {
      ...LLAMA,
      original_max_position_embeddings: 64,
      rope_scaling: {
        long_factor: [1.0, 1.2, 2.0, 3.5, 8.0, 16.0, 28.0, 60.0],
        short_factor: [1.0, 1.0, 1.0, 1.02, 1.05, 1.05, 1.1, 1.1],
        type: 'longrope',
      },
    },
    ['scaling', 'attention-factor', ...UNTIED],
  ],
};

/** LLaMA-family models small enough to compute in milliseconds. Windows are at most 6 tokens. */
export const LLAMA_CONFIGS: readonly LlamaConfigFile[] = Object.entries(MODELS).map(
  ([name, [config, breaks]]) => ({ name, config, breaks: [...COMMON_BREAKS, ...breaks] }),
);
