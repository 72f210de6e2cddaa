import { packedBytes, padToPanel } from '../compute/project.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { LatentTensors } from './layer-tensors.ts';
import { packInput, packRows } from './panels.ts';
import type { WeightPlan } from './plan.ts';

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

/** Plans the weights of a layer's latents; K and V of each head are cut apart. */
export function planLatent(
  plan: WeightPlan,
  { heads, headDim, latent }: ModelConfig,
  tensors: LatentTensors,
): LatentWeights {
  const { queryRank, latentDim, ropeDim, valueDim } = latent!;
  const { kernels } = plan.engine;
  const queryNorm = plan.vector(tensors.queryNorm);
  const queryUp = plan.fuse(heads * (headDim + ropeDim), queryRank, [
    { ...tensors.queryUp, at: 0 },
  ]);
  const latentNorm = plan.vector(tensors.latentNorm);
  const absorb: number[] = [];
  const valueUp: number[] = [];
  for (let h = 0; h < heads; h++) {
    absorb.push(plan.allocate(packedBytes(latentDim, headDim)));
    valueUp.push(plan.allocate(packedBytes(valueDim, latentDim)));
  }
  plan.add(tensors.keyValueUp, (from, first, count) => {
    const width = Math.min(count, latentDim);
    for (let done = 0; done < count; done += width) {
      const row = Math.floor((first + done) / latentDim);
      const column = (first + done) % latentDim;
      const h = Math.floor(row / (headDim + valueDim));
      const feature = row % (headDim + valueDim);
      const at = from + done * 4;
      if (feature < headDim) {
        packInput(kernels, absorb[h]!, headDim, at, feature, column, width);
      } else {
        const inValues = (feature - headDim) * latentDim + column;
        packRows(kernels, valueUp[h]!, latentDim, at, inValues, width);
      }
    }
  });
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
