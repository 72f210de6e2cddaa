// RoPE: Su et al., arXiv 2104.09864, with the frequency rules of Transformers (modeling_rope_utils):
// `linear` divides every frequency (Chen et al., arXiv 2306.15595), `yarn` is Peng et al., arXiv
// 2309.00071, section 3.4, `llama3` the rule published with LLaMA 3.1.
import { booleanIn, numberIn, type JsonRecord } from './json-record.ts';
import { scalingKind, type LlamaSettings } from './llama-config.ts';
import { ropeAngles, ropeFrequencies, type RopeTable } from './rope-table.ts';

/** Angles per token of every pair of features, float32, and the factor of cos and sin. */
export interface LlamaFrequencies {
  /** (headDim / 2) */
  frequencies: Float32Array;
  attentionFactor: number;
}

/** The frequencies of a model, scaled as its `rope_scaling` says. */
export function llamaFrequencies(settings: LlamaSettings): LlamaFrequencies {
  const { headDim, ropeTheta, ropeScaling } = settings;
  const plain = ropeFrequencies(headDim, ropeTheta);
  if (ropeScaling === undefined) return { frequencies: plain, attentionFactor: 1 };
  const kind = scalingKind(ropeScaling);
  switch (kind) {
    case 'linear': {
      const factor = numberIn(ropeScaling, 'factor');
      return { frequencies: plain.map((f) => f / factor), attentionFactor: 1 };
    }
    case 'llama3':
      return { frequencies: llama3(plain, ropeScaling), attentionFactor: 1 };
    case 'yarn':
      return {
        frequencies: yarn(plain, ropeScaling, settings),
        attentionFactor: yarnAttentionFactor(ropeScaling),
      };
    case 'longrope':
      return longrope(plain, settings);
    default:
      throw new Error(`unknown rope scaling ${String(kind)}`);
  }
}

/** Cosines and sines (positions, headDim / 2) of float32 angles, times the attention factor. */
export function llamaRopeTable(
  tokens: number,
  { frequencies, attentionFactor }: LlamaFrequencies,
): RopeTable {
  const angles = ropeAngles([...Array(tokens).keys()], frequencies);
  return {
    cos: angles.map((angle) => attentionFactor * Math.cos(angle)),
    sin: angles.map((angle) => attentionFactor * Math.sin(angle)),
  };
}

/** Ding et al., arXiv 2402.13753: each frequency over a factor of its own, by the reachable context. */
function longrope(
  plain: Float32Array,
  { ropeScaling, originalPositions: original, maxPositions }: LlamaSettings,
): LlamaFrequencies {
  const factors = ropeScaling![
    maxPositions > original ? 'long_factor' : 'short_factor'
  ] as number[];
  const stretch = Math.max(1, maxPositions / original);
  return {
    frequencies: plain.map((frequency, i) => frequency / factors[i]!),
    attentionFactor: Math.sqrt(1 + Math.log(stretch) / Math.log(original)),
  };
}

/** Long waves are slowed by `factor`, short ones kept, those between blended. */
function llama3(plain: Float32Array, scaling: JsonRecord): Float32Array {
  const factor = numberIn(scaling, 'factor');
  const low = numberIn(scaling, 'low_freq_factor');
  const high = numberIn(scaling, 'high_freq_factor');
  const original = numberIn(scaling, 'original_max_position_embeddings');
  return plain.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low) return frequency / factor;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/** Pairs that turn more than `beta_fast` times keep their frequency, below `beta_slow` it is divided. */
function yarn(
  plain: Float32Array,
  scaling: JsonRecord,
  { headDim, ropeTheta, maxPositions }: LlamaSettings,
): Float32Array {
  const factor = numberIn(scaling, 'factor');
  const original = numberIn(scaling, 'original_max_position_embeddings', maxPositions);
  /** The pair that turns this often within the original context. */
  const pairOf = (turns: number) =>
    (headDim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(ropeTheta));
  const isTruncated = booleanIn(scaling, 'truncate', true);
  const first = pairOf(numberIn(scaling, 'beta_fast', 32));
  const last = pairOf(numberIn(scaling, 'beta_slow', 1));
  const from = Math.max(isTruncated ? Math.floor(first) : first, 0);
  const end = Math.min(isTruncated ? Math.ceil(last) : last, headDim - 1);
  const to = end === from ? from + 0.001 : end;
  return plain.map((frequency, i) => {
    const interpolated = Math.min(Math.max((i - from) / (to - from), 0), 1);
    return (frequency / factor) * interpolated + frequency * (1 - interpolated);
  });
}

function yarnAttentionFactor(scaling: JsonRecord): number {
  const factor = numberIn(scaling, 'factor');
  const magnitude = (mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const mscale = numberIn(scaling, 'mscale', 0);
  const mscaleAllDim = numberIn(scaling, 'mscale_all_dim', 0);
  const byDefault =
    mscale !== 0 && mscaleAllDim !== 0 ? magnitude(mscale) / magnitude(mscaleAllDim) : magnitude(1);
  return numberIn(scaling, 'attention_factor', byDefault);
}
