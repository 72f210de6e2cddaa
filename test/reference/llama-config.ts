// Keys and defaults: the configuration classes in the Transformers documentation (LlamaConfig,
// MistralConfig, Qwen2Config, Qwen3Config).
import { booleanIn, numberIn, type JsonRecord } from './json-record.ts';

/** What the forward pass of one LLaMA-family model needs to know. */
export interface LlamaSettings {
  layers: number;
  dim: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  normEps: number;
  ropeTheta: number;
  /** `rope_scaling` as written; undefined where none applies. */
  ropeScaling: JsonRecord | undefined;
  maxPositions: number;
  /** Positions before the context was stretched, as the file itself says it. */
  originalPositions: number;
  /** Sliding window of every layer in tokens; undefined where a layer sees everything. */
  windows: (number | undefined)[];
  /** Whether q, k and v have a bias. */
  hasInputBias: boolean;
  /** Whether the attention's output projection has a bias. */
  hasOutputBias: boolean;
  hasMlpBias: boolean;
  /** Whether every head of q and k passes a weighted RMSNorm before RoPE. */
  hasHeadNorm: boolean;
  isTied: boolean;
}

/** Reads the config.json of LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM. */
export function llamaSettings(config: object): LlamaSettings {
  const json = config as JsonRecord;
  const family = familyOf(json);
  const heads = numberIn(json, 'num_attention_heads');
  const dim = numberIn(json, 'hidden_size');
  const layers = numberIn(json, 'num_hidden_layers');
  const maxPositions = numberIn(json, 'max_position_embeddings');
  // Qwen2 fixes the biases in its code; only LlamaConfig and Qwen3Config have the key.
  const hasAttentionBias =
    (family === 'Llama' || family === 'Qwen3') && booleanIn(json, 'attention_bias', false);
  // version 5 of Transformers writes theta and scaling together as `rope_parameters`
  const parameters = json['rope_parameters'] as JsonRecord | undefined;
  const scaling = (parameters ?? json['rope_scaling'] ?? undefined) as JsonRecord | undefined;
  return {
    layers,
    dim,
    heads,
    kvHeads: numberIn(json, 'num_key_value_heads', family === 'Llama' ? heads : undefined),
    headDim: numberIn(json, 'head_dim', family === 'Qwen3' ? 128 : dim / heads),
    normEps: numberIn(json, 'rms_norm_eps', 1e-6),
    ropeTheta: numberIn(parameters ?? json, 'rope_theta', 10000),
    ropeScaling: scaling && scalingKind(scaling) !== 'default' ? scaling : undefined,
    maxPositions,
    originalPositions: numberIn(json, 'original_max_position_embeddings', maxPositions),
    windows: Array.from({ length: layers }, (_, layer) => windowOf(json, family, layer)),
    hasInputBias: family === 'Qwen2' || hasAttentionBias,
    hasOutputBias: hasAttentionBias,
    hasMlpBias: family === 'Llama' && booleanIn(json, 'mlp_bias', false),
    hasHeadNorm: family === 'Qwen3',
    isTied: booleanIn(json, 'tie_word_embeddings', false),
  };
}

/** `rope_type`, or `type` as older files spell it. */
export function scalingKind(scaling: JsonRecord): unknown {
  return scaling['rope_type'] ?? scaling['type'];
}

type Family = 'Llama' | 'Mistral' | 'Qwen2' | 'Qwen3';

function familyOf(json: JsonRecord): Family {
  const [architecture] = json['architectures'] as string[];
  const name = /^(Llama|Mistral|Qwen2|Qwen3)ForCausalLM$/.exec(architecture!)?.[1];
  if (name === undefined) throw new Error(`unknown architecture ${architecture}`);
  return name as Family;
}

/**
 * Mistral windows every layer; Qwen2 and Qwen3 only with `use_sliding_window`, and then the layers
 * that `layer_types` calls sliding, without that key the layers from `max_window_layers` on.
 */
function windowOf(json: JsonRecord, family: Family, layer: number): number | undefined {
  if (family === 'Llama' || json['sliding_window'] === null) return undefined;
  const window = numberIn(json, 'sliding_window', 4096);
  if (family === 'Mistral') return window;
  if (!booleanIn(json, 'use_sliding_window', false)) return undefined;
  const types = json['layer_types'] as string[] | undefined;
  const isSliding = types
    ? types[layer] === 'sliding_attention'
    : layer >= numberIn(json, 'max_window_layers', 28);
  return isSliding ? window : undefined;
}
