import type { AttentionSpec } from '../../attention/spec.ts';
import type { LatentSizes, ModelConfig } from './model-config.ts';

/** What a layer of the model caches and how it attends. */
export function attentionSpec(config: ModelConfig, layer = 0): AttentionSpec {
  const { heads, headDim, rankK, rankV, headFactors, featureFactors, outerDim } = config;
  const { latent, slidingWindow, isLinear } = config;
  const spec = { heads, rankK, rankV, headFactors, featureFactors, outerDim };
  if (latent !== undefined) {
    const { latentDim, ropeDim } = latent;
    const scale = 1 / Math.sqrt(headDim + ropeDim);
    return { ...spec, headDim: latentDim + ropeDim, valueDim: latentDim, scale };
  }
  const isSliding = slidingWindow !== undefined && layer >= slidingWindow.firstLayer;
  return {
    ...spec,
    headDim,
    valueDim: headDim,
    score: isLinear ? 'linear' : 'softmax',
    ...(isSliding ? { window: slidingWindow.size } : {}),
  };
}

/** Width of a head's output before the output projection. */
export function headOutputDim({ headDim, latent }: ModelConfig): number {
  return latent?.valueDim ?? headDim;
}

/** Numbers a layer would cache for each token if it kept K and V of every query head. */
export function denseNumbersPerToken(config: ModelConfig): number {
  const { heads, headDim, latent } = config;
  return heads * (headDim + (latent?.ropeDim ?? 0) + headOutputDim(config));
}

/** Numbers of a projected row: the query's latent, the K/V latent, the shared key. */
export function latentWidth({ queryRank, latentDim, ropeDim }: LatentSizes): number {
  return queryRank + latentDim + ropeDim;
}
