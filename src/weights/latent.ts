import type { ModelConfig } from '../format/config/model-config.ts';
import { numberAt } from '../layout/numbers.ts';
import type { PackedWeight } from '../layout/packed-weight.ts';
import type { LatentTensors } from './layer-tensors.ts';
import { packInput, packNumbers } from './panels.ts';
import type { WeightPlan } from './plan.ts';

/** What MLA has besides the projection into its latents: addresses, and packed weights. */
export interface LatentWeights {
  /** (queryRank) */
  readonly queryNorm: number;
  /** (heads · (headDim + ropeDim), queryRank) */
  readonly queryUp: PackedWeight;
  /** (latentDim) */
  readonly latentNorm: number;
  /** For each head W_UKᵀ (latentDim, headDim): a query of the head becomes one of the latent. */
  readonly absorb: readonly PackedWeight[];
  /** For each head W_UV (valueDim, latentDim): what attention sums up becomes the head's output. */
  readonly valueUp: readonly PackedWeight[];
}

/** Plans the weights of a layer's latents; K and V of each head are cut apart. */
export function planLatent(
  plan: WeightPlan,
  { heads, headDim, latent }: ModelConfig,
  tensors: LatentTensors,
): LatentWeights {
  const { queryRank, latentDim, ropeDim, valueDim } = latent!;
  const { compute } = plan;
  const queryNorm = plan.vector(tensors.queryNorm);
  const queryUp = plan.fuse(heads * (headDim + ropeDim), queryRank, [
    { ...tensors.queryUp, at: 0 },
  ]);
  const latentNorm = plan.vector(tensors.latentNorm);
  const absorb = Array.from({ length: heads }, () => plan.packed(latentDim, headDim));
  const valueUp = Array.from({ length: heads }, () => plan.packed(valueDim, latentDim));
  plan.add(tensors.keyValueUp, (from, first, count) => {
    const width = Math.min(count, latentDim);
    for (let done = 0; done < count; done += width) {
      const row = Math.floor((first + done) / latentDim);
      const column = (first + done) % latentDim;
      const h = Math.floor(row / (headDim + valueDim));
      const feature = row % (headDim + valueDim);
      const at = numberAt(from, done);
      if (feature < headDim) {
        packInput(compute, absorb[h]!, at, feature, column, width);
      } else {
        const inValues = (feature - headDim) * latentDim + column;
        packNumbers(compute, valueUp[h]!, at, inValues, width);
      }
    }
  });
  return { queryNorm, queryUp, latentNorm, absorb, valueUp };
}
