import { parseConfig } from '../../../src/format/config/config.ts';
import type { ModelConfig } from '../../../src/format/config/model-config.ts';
import type { TensorEntry } from '../../../src/format/tensors/safetensors.ts';
import { TINY_JSON } from './tiny-model.ts';

/** Keys of a config.json. */
export type Json = Readonly<Record<string, unknown>>;

/** Header entries of tensors with these shapes, as a file would give them. */
export function entries(
  shapes: Readonly<Record<string, readonly number[]>>,
): Map<string, TensorEntry> {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { name, dtype: 'F32', shape, offset: 0, byteLength: 4 },
    ]),
  );
}

/** Entries of tensors of the first layer's attention, all of shape (1) unless given. */
export function attention(
  names: readonly string[],
  shapes: Readonly<Record<string, readonly number[]>> = {},
): Map<string, TensorEntry> {
  const all = { ...Object.fromEntries(names.map((name) => [name, [1]])), ...shapes };
  return entries(
    Object.fromEntries(
      Object.entries(all).map(([name, shape]) => [`transformer.h.0.attn.${name}`, shape]),
    ),
  );
}

/** Names of weights of c_qkv. */
function weights(names: string): string[] {
  return names.split(' ').map((name) => `c_qkv.${name}.weight`);
}

/** Shapes of MLA with 4 heads of 4 features: ranks 10 and 6, 2 rotated features, values of 8. */
export const MLA_SHAPES = {
  'q_a_proj.weight': [10, 12],
  'q_a_layernorm.weight': [10],
  'q_b_proj.weight': [24, 10],
  'kv_a_proj_with_mqa.weight': [8, 12],
  'kv_a_layernorm.weight': [6],
  'kv_b_proj.weight': [48, 6],
};

const KV = 'W_A_k W_B_k W_A_v W_B_v';

/** Attention tensors of models with 4 heads of 4 features, by how they are made. */
export const TENSORS = {
  tpa: attention(weights(`W_A_q W_B_q ${KV}`)),
  'tpa-kvonly': attention(weights(`c_q ${KV}`)),
  'tpa-nonctx-a': attention([
    ...weights('W_B_q W_B_k W_B_v'),
    'c_qkv.A_q',
    'c_qkv.A_k',
    'c_qkv.A_v',
  ]),
  'tpa-nonctx-b': attention([
    ...weights('W_A_q W_A_k W_A_v'),
    'c_qkv.B_q',
    'c_qkv.B_k',
    'c_qkv.B_v',
  ]),
  'tpa-shared-b': attention(weights('W_A_q W_B_q W_A_k W_A_v W_B_kv')),
  'tpa-third-order': attention(weights(`W_A_q W_B_q W_C_q ${KV} W_C_k W_C_v`)),
  mha: attention(['c_q.weight'], { 'c_k.weight': [16, 12], 'c_v.weight': [16, 12] }),
  gqa: attention(['c_q.weight'], { 'c_k.weight': [8, 12], 'c_v.weight': [8, 12] }),
  mqa: attention(['c_q.weight'], { 'c_k.weight': [4, 12], 'c_v.weight': [4, 12] }),
  mla: attention([], MLA_SHAPES),
};

/** A T6 config.json of 4 heads of 4 features with every size that a mechanism asks for. */
export const T6_JSON: Json = { ...TINY_JSON, n_head: 4, n_embd: 12, c_dim: 2 };

/** A parse of {@link T6_JSON}, some keys changed; undefined leaves a key out. */
export function t6Config(
  kind: keyof typeof TENSORS | ReadonlyMap<string, TensorEntry>,
  changes: Json = {},
): ModelConfig {
  const tensors = typeof kind === 'string' ? TENSORS[kind] : kind;
  return parseConfig(merged(T6_JSON, { using_groupnorm: false, ...changes }), tensors);
}

/** config.json of a small LLaMA with the keys that transformers writes. */
export const LLAMA_JSON: Json = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 1,
  eos_token_id: 2,
  head_dim: 8,
  hidden_act: 'silu',
  hidden_size: 24,
  intermediate_size: 40,
  max_position_embeddings: 131_072,
  mlp_bias: false,
  num_attention_heads: 6,
  num_hidden_layers: 3,
  num_key_value_heads: 2,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 500_000,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  use_cache: true,
  vocab_size: 32,
};

const ARCHITECTURES = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};

/** Families in the LLaMA layout. */
export type Family = keyof typeof ARCHITECTURES;

/** A tensor that only files in the LLaMA layout have. */
export const LLAMA_TENSORS = entries({ 'model.layers.0.self_attn.q_proj.weight': [48, 24] });

/** {@link LLAMA_JSON} of another family, some keys changed; undefined leaves a key out. */
export function llamaJson(family: Family, changes: Json = {}): Json {
  const named = { model_type: family, architectures: [ARCHITECTURES[family]] };
  return merged({ ...LLAMA_JSON, ...named }, changes);
}

/** A parse of {@link llamaJson}. */
export function llamaConfig(family: Family, changes: Json = {}): ModelConfig {
  return parseConfig(llamaJson(family, changes), LLAMA_TENSORS);
}

function merged(json: Json, changes: Json): Json {
  const all = Object.entries({ ...json, ...changes });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}
