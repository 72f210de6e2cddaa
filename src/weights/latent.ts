import type { ModelConfig } from '../format/config/model-config.ts';
import { numberAt } from '../layout/numbers.ts';
import type { PackedWeight } from '../layout/packed-weight.ts';
import type { ExpectedTensor, LatentTensors } from './layer-tensors.ts';
import { cutHeads, type KeyValueUp, latentScratch } from './latent-rows.ts';
import { packInput, packItems } from './panels.ts';
import type { WeightPlan } from './plan.ts';

/** What MLA has besides the projection into its latents: addresses, and packed weights. */
export interface LatentWeights extends KeyValueUp {
  /** (queryRank) */
  readonly queryNorm: number;
  /** (heads · (headDim + ropeDim), queryRank) */
  readonly queryUp: PackedWeight;
  /** (latentDim) */
  readonly latentNorm: number;
}

/** Plans the weights of a layer's latents. */
export function planLatent(
  plan: WeightPlan,
  config: ModelConfig,
  tensors: LatentTensors,
): LatentWeights {
  const { heads, headDim, latent } = config;
  const { queryRank, ropeDim } = latent!;
  return {
    queryNorm: plan.vector(tensors.queryNorm),
    queryUp: plan.fuse(heads * (headDim + ropeDim), queryRank, [{ ...tensors.queryUp, at: 0 }]),
    latentNorm: plan.vector(tensors.latentNorm),
    ...planKeyValueUp(plan, config, tensors.keyValueUp),
  };
}

/** K and V of each head are cut apart. */
function planKeyValueUp(plan: WeightPlan, config: ModelConfig, tensor: ExpectedTensor): KeyValueUp {
  const { heads, headDim } = config;
  const { latentDim, valueDim } = config.latent!;
  const { compute, dtypes } = plan;
  const dtype = dtypes.of([tensor.name]);
  // blocks of W_UKᵀ run across those of the file, whose codes are of no use then
  const transposed = dtype === 'f32' ? dtype : dtypes.requantized;
  const absorb = Array.from({ length: heads }, () => plan.packed(latentDim, headDim, transposed));
  const valueUp = Array.from({ length: heads }, () => plan.packed(valueDim, latentDim, dtype));
  if (dtype !== 'f32') {
    const form = dtypes.keepsCodes(tensor.name, dtype) ? 'blocks' : 'numbers';
    const { name } = tensor;
    const how = {
      type: dtypes.typeOf(name),
      isOfBlocks: form === 'blocks',
      to: dtypes.requantized,
    };
    const target = { config, name, ...how, absorb, valueUp };
    plan.needScratch(latentScratch(latentDim));
    plan.add(
      tensor,
      (from, first, count, tools) => tools!.takeLatent(target, from, first, count),
      dtype,
      form,
      `${form} ${dtypes.requantized}`,
    );
    return { absorb, valueUp };
  }
  plan.add(tensor, (from, first, count) => {
    for (const { head, feature, column, width, done } of cutHeads(
      config,
      latentDim,
      first,
      count,
    )) {
      const at = numberAt(from, done);
      if (feature < headDim) packInput(compute, absorb[head]!, at, feature, column, width);
      else {
        const inValues = (feature - headDim) * latentDim + column;
        packItems(compute, valueUp[head]!, at, inValues, width);
      }
    }
  });
  return { absorb, valueUp };
}
