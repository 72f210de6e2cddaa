import { llama3Divisors } from '../../format/gguf/rope.ts';
import { LONG_FACTORS, ROPE_FACTORS, SHORT_FACTORS } from '../../format/gguf/names.ts';
import type { ModelConfig } from '../../format/config/model-config.ts';
import type { JsonObject } from '../../format/files/json.ts';
import type { GgufPair, GgufValue } from './header-writer.ts';

/** A table of the configuration that a file holds as a tensor, (headDim / 2). */
export interface RopeTable {
  readonly name: string;
  readonly values: readonly number[];
}

/** What YaRN multiplies cosines and sines by unless it is told otherwise. */
const yarnMagnitude = (factor: number): number => 0.1 * Math.log(factor) + 1;

/** The architectures of llama.cpp that compute what LLaMA's layout can say. */
export type LlamaArchitecture = 'llama' | 'qwen2' | 'qwen3';

/** Sizes and rotation by the keys that llama.cpp reads. */
export function llamaPairs(config: ModelConfig, architecture: LlamaArchitecture): GgufPair[] {
  const { headDim } = config;
  const pairs: [string, GgufValue][] = [
    ['block_count', u32(config.layers)],
    ['context_length', u32(config.contextLength)],
    ['embedding_length', u32(config.dim)],
    ['feed_forward_length', u32(config.hiddenDim)],
    ['vocab_size', u32(config.vocabSize)],
    ['attention.head_count', u32(config.heads)],
    ['attention.head_count_kv', u32(config.kvHeads)],
    ['attention.key_length', u32(headDim)],
    ['attention.value_length', u32(headDim)],
    ['attention.layer_norm_rms_epsilon', f32(config.normEps)],
    ['rope.dimension_count', u32(headDim)],
    ['rope.freq_base', f32(config.ropeTheta)],
    ...scalingPairs(config).map(([key, value]): [string, GgufValue] => [
      `rope.scaling.${key}`,
      value,
    ]),
  ];
  return pairs.map(([key, value]) => [`${architecture}.${key}`, value]);
}

/**
 * The tables of divisors, where the architecture takes them.
 *
 * @param json config.json: LongRoPE has two tables, of which the configuration keeps one
 */
export function ropeTables(
  { ropeScaling, headDim, ropeTheta }: ModelConfig,
  architecture: LlamaArchitecture,
  json: JsonObject,
): readonly RopeTable[] {
  if (architecture !== 'llama') return [];
  if (ropeScaling?.type === 'llama3') {
    return [{ name: ROPE_FACTORS, values: llama3Divisors(ropeScaling, headDim, ropeTheta) }];
  }
  if (ropeScaling?.type !== 'longrope') return [];
  const said = Object(json['rope_scaling'] ?? json['rope_parameters']) as JsonObject;
  return [
    { name: SHORT_FACTORS, values: said['short_factor'] as number[] },
    { name: LONG_FACTORS, values: said['long_factor'] as number[] },
  ];
}

/** What of a configuration llama.cpp has no keys for, one sentence each. */
export function unsaidNotes(
  { slidingWindow, ropeScaling, heads, headDim, dim }: ModelConfig,
  architecture: LlamaArchitecture,
): string[] {
  const unsaid: string[] = [];
  if (slidingWindow) unsaid.push(`a window of ${slidingWindow.size} tokens in ${architecture}`);
  const isTabled = ropeScaling?.type === 'llama3' || ropeScaling?.type === 'longrope';
  if (isTabled && architecture !== 'llama') unsaid.push(`${ropeScaling.type} in ${architecture}`);
  if (ropeScaling?.type === 'yarn' && !ropeScaling.isTruncated)
    unsaid.push('yarn without truncate');
  if (architecture === 'qwen2' && heads * headDim !== dim) {
    unsaid.push(`${heads} heads of ${headDim} over a width of ${dim} in qwen2`);
  }
  return unsaid.map(
    (what) => `llama.cpp refuses it or computes otherwise, having no key for ${what}`,
  );
}

function scalingPairs({ ropeScaling: scaling }: ModelConfig): [string, GgufValue][] {
  switch (scaling?.type) {
    case 'linear':
      return [
        ['type', text('linear')],
        ['factor', f32(scaling.factor)],
      ];
    case 'yarn': {
      const { factor, attentionFactor } = scaling;
      const share = attentionFactor / yarnMagnitude(factor);
      return [
        ['type', text('yarn')],
        ['factor', f32(factor)],
        ['original_context_length', u32(scaling.originalContext)],
        ['yarn_beta_fast', f32(scaling.betaFast)],
        ['yarn_beta_slow', f32(scaling.betaSlow)],
        ...(share === 1 ? [] : [['attn_factor', f32(share)] satisfies [string, GgufValue]]),
      ];
    }
    case 'longrope':
      return [
        ['type', text('longrope')],
        ['original_context_length', u32(scaling.originalContext)],
        ['attn_factor', f32(scaling.attentionFactor)],
      ];
    default:
      return [];
  }
}

function u32(value: number): GgufValue {
  return { type: 'u32', value };
}

function f32(value: number): GgufValue {
  return { type: 'f32', value };
}

function text(value: string): GgufValue {
  return { type: 'text', value };
}
