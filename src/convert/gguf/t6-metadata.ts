import { T6_ARCHITECTURE, T6_KEYS, type T6Kind } from '../../format/gguf/own/t6.ts';
import type { ModelConfig } from '../../format/config/model-config.ts';
import type { JsonObject } from '../../format/files/json.ts';
import type { GgufPair, GgufValue } from './header-writer.ts';

/**
 * The configuration of a T6 by the keys of docs/gguf.md: every size and switch, also one that
 * config.json leaves to a default, and what tools for GGUF files like to show.
 *
 * @param json config.json
 */
export function t6Pairs(config: ModelConfig, json: JsonObject): GgufPair[] {
  const values = stated(config, json);
  const pairs: GgufPair[] = [];
  for (const [name, key, kind] of T6_KEYS) {
    const value = values[name];
    if (value !== undefined) pairs.push([`${T6_ARCHITECTURE}.${key}`, valueOf(kind, value)]);
  }
  const shown = [
    ['feed_forward_length', config.hiddenDim],
    ['attention.head_count_kv', config.kvHeads],
    ['rope.dimension_count', config.rotaryDim],
  ] as const;
  for (const [key, value] of shown) {
    pairs.push([`${T6_ARCHITECTURE}.${key}`, { type: 'u32', value }]);
  }
  const eps: GgufValue = { type: 'f32', value: config.normEps };
  return [...pairs, [`${T6_ARCHITECTURE}.attention.layer_norm_rms_epsilon`, eps]];
}

type Value = string | number | boolean;

/** config.json with every default written out. */
function stated(
  config: ModelConfig,
  json: JsonObject,
): Readonly<Record<string, Value | undefined>> {
  const { mechanism, latent, rankQ, rankK, heads, kvHeads, ropeDecay } = config;
  const isDense = config.headFactors === 'groups' && latent === undefined;
  const hasFactors = config.headFactors !== 'groups';
  const partial = json['rope_partial_factor'];
  return {
    n_layer: config.layers,
    block_size: config.contextLength,
    n_embd: config.dim,
    vocab_size: config.vocabSize,
    attention: mechanism,
    n_head: heads,
    head_dim: config.headDim,
    using_groupnorm: config.usesGroupNorm,
    rope_theta: config.ropeTheta,
    rope_precision: config.ropePrecision,
    ...(isDense && { group_size: heads / kvHeads }),
    ...(hasFactors && { rank: rankK, ...(rankQ > 0 && { q_rank: rankQ }) }),
    ...(mechanism === 'tpa-third-order' && { c_dim: config.outerDim }),
    ...(latent && {
      v_head_dim: latent.valueDim,
      q_lora_rank: latent.queryRank,
      kv_lora_rank: latent.latentDim,
      qk_rope_head_dim: latent.ropeDim,
    }),
    ...(typeof partial === 'number' && { rope_partial_factor: partial }),
    ...(ropeDecay !== 1 && { rope_decay_base: ropeDecay }),
  };
}

function valueOf(kind: T6Kind, value: Value): GgufValue {
  if (kind === 'text') return { type: 'text', value: String(value) };
  if (kind === 'boolean') return { type: 'bool', value: value === true };
  return { type: kind === 'integer' ? 'u32' : 'f64', value: Number(value) };
}
