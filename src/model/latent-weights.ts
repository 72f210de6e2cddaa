import { padToPanel } from '../attention/factors.ts';
import type { ModelConfig } from '../format/model-config.ts';
import type { LatentTensors } from './layer-tensors.ts';
import type { Packer } from './packer.ts';

/** What MLA has besides the projection into its latents, packed; addresses. */
export interface LatentWeights {
  /** (queryRank) */
  readonly queryNorm: number;
  /** (heads · (headDim + ropeDim), queryRank) */
  readonly queryUp: number;
  /** (latentDim) */
  readonly latentNorm: number;
  /** For each head W_UKᵀ (latentDim, headDim): a query of the head becomes one of the latent. */
  readonly absorb: readonly number[];
  /** For each head W_UV (valueDim, latentDim): what attention sums up becomes the head's output. */
  readonly valueUp: readonly number[];
}

/** Reads the weights of a layer's latents and cuts K and V of each head apart. */
export async function loadLatent(
  packer: Packer,
  { heads, headDim, latent }: ModelConfig,
  tensors: LatentTensors,
): Promise<LatentWeights> {
  const { queryRank, latentDim, ropeDim, valueDim } = latent!;
  const queryNorm = await packer.vector(tensors.queryNorm);
  const queryUp = await packer.fuse(heads * (headDim + ropeDim), queryRank, [
    { ...tensors.queryUp, at: 0 },
  ]);
  const latentNorm = await packer.vector(tensors.latentNorm);
  const both = await packer.read(tensors.keyValueUp);
  const absorb: number[] = [];
  const valueUp: number[] = [];
  for (let h = 0; h < heads; h++) {
    const first = h * (headDim + valueDim) * latentDim;
    const keys = both.subarray(first, first + headDim * latentDim);
    const values = both.subarray(first + keys.length, first + (headDim + valueDim) * latentDim);
    absorb.push(packer.weight(transpose(keys, latentDim), latentDim, headDim));
    valueUp.push(packer.weight(values, valueDim, latentDim));
  }
  return { queryNorm, queryUp, latentNorm, absorb, valueUp };
}

/** Numbers of a layer that a panel for each head adds to those of its tensors. */
export function latentOverhead({ heads, headDim, latent }: ModelConfig): number {
  if (latent === undefined) return 0;
  const { latentDim, valueDim } = latent;
  const keys = (padToPanel(latentDim) - latentDim) * headDim;
  const values = (padToPanel(valueDim) - valueDim) * latentDim;
  return heads * (keys + values);
}

/** (columns, rows) from (rows, columns). */
function transpose(x: Float32Array, columns: number): Float32Array {
  const rows = x.length / columns;
  return Float32Array.from(x, (_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);
}
