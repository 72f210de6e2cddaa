import type { Compute } from '../compute/compute.ts';
import { factorLayout } from '../compute/project.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { TensorSet } from '../format/tensors/tensors.ts';
import { type PackedWeight, padToPanel } from '../layout/packed-weight.ts';
import { WeightDtypes } from './dtypes.ts';
import { fingerprintOf } from './fingerprint.ts';
import { type FixedWeights, planFixed } from './fixed.ts';
import { type LatentWeights, planLatent } from './latent.ts';
import { type LayerTensors, layerTensors, type Piece } from './layer-tensors.ts';
import { attentionSpec, headOutputDim, latentWidth } from '../format/config/attention-spec.ts';
import { HEAD, outerTensors } from './tensors.ts';
import { checkTiedHead, planTiedHead } from './tied-head.ts';
import { WeightPlan } from './plan.ts';
import { reportOf, type WeightReport } from './report.ts';
import { streamBytes, type StreamOptions, streamWeights } from './stream/stream.ts';

/** One layer's weights: packed, or addresses of vectors, 0 for what the model does not have. */
export interface LayerWeights {
  /** (dim) */
  readonly attentionNorm: number;
  readonly feedForwardNorm: number;
  /** (projected width, dim): all that the attention projects x into, fused */
  readonly projection: PackedWeight;
  readonly projectionBias: number;
  /** (headDim), the norms of each head's q and k */
  readonly queryNorm: number;
  readonly keyNorm: number;
  readonly fixed: FixedWeights;
  readonly latent?: LatentWeights;
  /** (headDim), the weight of the group norm */
  readonly groupNorm: number;
  /** (dim, heads · headOutputDim) */
  readonly output: PackedWeight;
  readonly outputBias: number;
  /** (2 · padded hiddenDim, dim): gate, then up */
  readonly gateUp: PackedWeight;
  readonly gateUpBias: number;
  /** (dim, hiddenDim) */
  readonly down: PackedWeight;
  readonly downBias: number;
}

/** A model's weights in the kernels' layout. */
export interface ModelWeights {
  /** (vocabSize, dim) */
  readonly embedding: PackedWeight;
  readonly layers: readonly LayerWeights[];
  /** (dim); 0 for a norm without a weight */
  readonly finalNorm: number;
  /** (vocabSize, dim), the output projection; the embedding where they are tied */
  readonly head: PackedWeight;
  /** Tells what is computed with apart; see {@link fingerprintOf}. */
  readonly fingerprint: string;
  readonly report: WeightReport;
}

/** How weights are loaded. */
export interface WeightOptions extends StreamOptions {
  /** Which layouts they take; what the files have unless given. */
  readonly dtypes?: WeightDtypes;
}

/** Numbers of a row of the fused projection. */
export function projectedWidth(config: ModelConfig): number {
  const { latent, rankQ } = config;
  if (latent !== undefined) return latentWidth(latent);
  return factorLayout(attentionSpec(config), rankQ).width;
}

/**
 * Takes memory for every weight, then reads the files from front to back, each byte once, in pieces
 * that are packed from wasm memory. All of the memory is given back if that fails.
 *
 * @param tensors those that `checkTensors` let pass
 * @throws TpaError `OUT_OF_MEMORY`, before anything is read; `MODEL_UNSUPPORTED` if a stored output
 *   projection is not the embedding it is tied to; `KERNEL_TRAP`; what reading throws
 */
export async function loadWeights(
  compute: Compute,
  config: ModelConfig,
  tensors: TensorSet,
  { dtypes = new WeightDtypes('auto', tensors.entries), ...how }: WeightOptions = {},
): Promise<ModelWeights> {
  const { bytes, loading } = weightNeeds(compute, config, dtypes);
  compute.heap.reserve(bytes + loading);
  const plan = new WeightPlan(compute, dtypes);
  try {
    const weights = planWeights(plan, config, tensors.entries.has(HEAD));
    const { identities, requantized } = await streamWeights(compute, tensors, plan, how);
    if (config.isTied) checkTiedHead(outerTensors(config).embedding.name, identities);
    return {
      ...weights,
      fingerprint: fingerprintOf(compute, config, identities),
      report: reportOf(plan, config.isTied, requantized),
    };
  } catch (error) {
    plan.release();
    throw error;
  }
}

/** Bytes of memory that weights take. */
export interface WeightNeeds {
  readonly bytes: number;
  /** Besides, while they are read. */
  readonly loading: number;
}

/** What the weights will take. Nothing is allocated. */
export function weightNeeds(
  compute: Compute,
  config: ModelConfig,
  dtypes: WeightDtypes = new WeightDtypes(),
): WeightNeeds {
  let bytes = 0;
  const plan = new WeightPlan(compute, dtypes, (size) => {
    bytes += compute.heap.regionBytes(size);
    return 0;
  });
  planWeights(plan, { ...config, layers: 1 }, false);
  const withOneLayer = bytes;
  // all layers are of one size, unless they are stored in different types
  const last = dtypes.isUniform ? Math.min(1, config.layers - 1) : config.layers - 1;
  for (let layer = 1; layer <= last; layer++) planLayer(plan, config, layerTensors(config, layer));
  const rest = bytes - withOneLayer;
  return {
    bytes: withOneLayer + (dtypes.isUniform ? (config.layers - 1) * rest : rest),
    loading: compute.heap.regionBytes(streamBytes(plan)),
  };
}

/** What weights will become, but for the errors of rounding. Nothing is allocated. */
export function plannedWeights(
  compute: Compute,
  config: ModelConfig,
  dtypes: WeightDtypes,
): WeightReport {
  const plan = new WeightPlan(compute, dtypes, () => 0);
  planWeights(plan, config, false);
  return reportOf(plan, config.isTied, []);
}

function planWeights(
  plan: WeightPlan,
  config: ModelConfig,
  hasHead: boolean,
): Omit<ModelWeights, 'fingerprint' | 'report'> {
  const { vocabSize, dim, isTied } = config;
  const outer = outerTensors(config);
  const embedding = plan.fuse(vocabSize, dim, [{ ...outer.embedding, at: 0 }]);
  if (isTied && hasHead) planTiedHead(plan, embedding, outer.embedding);
  return {
    embedding,
    layers: Array.from({ length: config.layers }, (_, layer) =>
      planLayer(plan, config, layerTensors(config, layer)),
    ),
    finalNorm: plan.vector(outer.finalNorm),
    head: outer.head ? plan.fuse(vocabSize, dim, [{ ...outer.head, at: 0 }]) : embedding,
  };
}

function planLayer(plan: WeightPlan, config: ModelConfig, tensors: LayerTensors): LayerWeights {
  const { dim, heads, hiddenDim } = config;
  const width = projectedWidth(config);
  const up = padToPanel(hiddenDim);
  const gateUpBias: Piece[] = [];
  if (tensors.gateBias) gateUpBias.push({ ...tensors.gateBias, at: 0 });
  if (tensors.upBias) gateUpBias.push({ ...tensors.upBias, at: up });
  return {
    attentionNorm: plan.vector(tensors.attentionNorm),
    projection: plan.fuse(width, dim, tensors.projection),
    projectionBias: plan.biases(tensors.projectionBias, width),
    queryNorm: plan.vector(tensors.queryNorm),
    keyNorm: plan.vector(tensors.keyNorm),
    fixed: planFixed(plan, config, tensors.fixed),
    ...(tensors.latent ? { latent: planLatent(plan, config, tensors.latent) } : {}),
    groupNorm: plan.vector(tensors.groupNorm),
    output: plan.fuse(dim, heads * headOutputDim(config), [{ ...tensors.output, at: 0 }]),
    outputBias: plan.vector(tensors.outputBias),
    feedForwardNorm: plan.vector(tensors.feedForwardNorm),
    gateUp: plan.fuse(2 * up, dim, [
      { ...tensors.gate, at: 0 },
      { ...tensors.up, at: up },
    ]),
    gateUpBias: plan.biases(gateUpBias, 2 * up),
    down: plan.fuse(dim, hiddenDim, [{ ...tensors.down, at: 0 }]),
    downBias: plan.vector(tensors.downBias),
  };
}
