import { factorLayout, padToPanel } from '../attention/factors.ts';
import { TpaError } from '../errors.ts';
import type { ModelConfig } from '../format/model-config.ts';
import type { TensorSet } from '../format/tensors.ts';
import type { Engine } from '../wasm/engine.ts';
import { type FixedWeights, loadFixed } from './fixed-weights.ts';
import { type LatentWeights, loadLatent } from './latent-weights.ts';
import { latentWidth } from './latent.ts';
import { type LayerTensors, layerTensors, type Piece } from './layer-tensors.ts';
import { Packer, type WeightsProgress } from './packer.ts';
import { attentionSpec, headOutputDim } from './spec.ts';
import { HEAD, outerTensors, parameterCount } from './tensors.ts';

/** One layer's weights, packed; addresses, 0 for what the model does not have. */
export interface LayerWeights {
  /** (dim) */
  readonly attentionNorm: number;
  readonly feedForwardNorm: number;
  /** (projected width, dim): all that the attention projects x into, fused */
  readonly projection: number;
  readonly projectionBias: number;
  /** (headDim), the norms of each head's q and k */
  readonly queryNorm: number;
  readonly keyNorm: number;
  readonly fixed: FixedWeights;
  readonly latent?: LatentWeights;
  /** (headDim), the weight of the group norm */
  readonly groupNorm: number;
  /** (dim, heads · headOutputDim) */
  readonly output: number;
  readonly outputBias: number;
  /** (2 · padded hiddenDim, dim): gate, then up */
  readonly gateUp: number;
  readonly gateUpBias: number;
  /** (dim, hiddenDim) */
  readonly down: number;
  readonly downBias: number;
}

/** A model's weights in the kernels' layout; addresses. */
export interface ModelWeights {
  /** (vocabSize, dim) */
  readonly embedding: number;
  readonly layers: readonly LayerWeights[];
  /** (dim); 0 for a norm without a weight */
  readonly finalNorm: number;
  /** (vocabSize, dim), the output projection; the embedding where they are tied */
  readonly head: number;
}

/** Numbers of a row of the fused projection. */
export function projectedWidth(config: ModelConfig): number {
  const { latent, rankQ } = config;
  if (latent !== undefined) return latentWidth(latent);
  return factorLayout(attentionSpec(config), rankQ).width;
}

/**
 * Reads every tensor and packs it; one at a time is on the JavaScript heap, but for an output
 * projection stored beside a tied embedding, which is compared with it.
 */
export async function loadWeights(
  engine: Engine,
  config: ModelConfig,
  tensors: TensorSet,
  onProgress: WeightsProgress = () => {},
): Promise<ModelWeights> {
  const { dim, heads, hiddenDim, vocabSize } = config;
  const longestRow = Math.max(dim, hiddenDim, heads * headOutputDim(config), ...latentRows(config));
  const packer = new Packer(engine, tensors, longestRow, parameterCount(config), onProgress);
  try {
    const outer = outerTensors(config);
    const table = await packer.read(outer.embedding);
    if (config.isTied) await checkTied(tensors, outer.embedding.name, table);
    const embedding = packer.weight(table, vocabSize, dim);
    const layers: LayerWeights[] = [];
    for (let layer = 0; layer < config.layers; layer++) {
      layers.push(await loadLayer(packer, config, layerTensors(config, layer)));
    }
    const finalNorm = await packer.vector(outer.finalNorm);
    const head =
      outer.head === undefined
        ? embedding
        : await packer.fuse(vocabSize, dim, [{ ...outer.head, at: 0 }]);
    return { embedding, layers, finalNorm, head };
  } finally {
    packer.dispose();
  }
}

async function loadLayer(
  packer: Packer,
  config: ModelConfig,
  tensors: LayerTensors,
): Promise<LayerWeights> {
  const { dim, heads, hiddenDim } = config;
  const width = projectedWidth(config);
  const up = padToPanel(hiddenDim);
  const gateUpBias: Piece[] = [];
  if (tensors.gateBias) gateUpBias.push({ ...tensors.gateBias, at: 0 });
  if (tensors.upBias) gateUpBias.push({ ...tensors.upBias, at: up });
  return {
    attentionNorm: await packer.vector(tensors.attentionNorm),
    projection: await packer.fuse(width, dim, tensors.projection),
    projectionBias: await packer.biases(tensors.projectionBias, width),
    queryNorm: await packer.vector(tensors.queryNorm),
    keyNorm: await packer.vector(tensors.keyNorm),
    fixed: await loadFixed(packer, config, tensors.fixed),
    ...(tensors.latent ? { latent: await loadLatent(packer, config, tensors.latent) } : {}),
    groupNorm: await packer.vector(tensors.groupNorm),
    output: await packer.fuse(dim, heads * headOutputDim(config), [{ ...tensors.output, at: 0 }]),
    outputBias: await packer.vector(tensors.outputBias),
    feedForwardNorm: await packer.vector(tensors.feedForwardNorm),
    gateUp: await packer.fuse(2 * up, dim, [
      { ...tensors.gate, at: 0 },
      { ...tensors.up, at: up },
    ]),
    gateUpBias: await packer.biases(gateUpBias, 2 * up),
    down: await packer.fuse(dim, hiddenDim, [{ ...tensors.down, at: 0 }]),
    downBias: await packer.vector(tensors.downBias),
  };
}

function latentRows({ latent }: ModelConfig): readonly number[] {
  return latent === undefined ? [] : [latent.queryRank, latent.latentDim];
}

/**
 * A file may hold the output projection under its own name, but it must be the embedding.
 *
 * @throws TpaError `MODEL_UNSUPPORTED` if it is another matrix
 */
async function checkTied(tensors: TensorSet, name: string, embedding: Float32Array): Promise<void> {
  if (!tensors.entries.has(HEAD)) return;
  const head = await tensors.readFloat32(HEAD);
  let at = 0;
  while (at < head.length && head[at] === embedding[at]) at++;
  if (at === head.length) return;
  const message = `tensor "${HEAD}" expected the values of "${name}", found another at element ${at}; the configuration ties the two`;
  throw new TpaError('MODEL_UNSUPPORTED', message, { data: { tensor: HEAD, index: at } });
}
