import type { Compute } from '../compute/compute.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import { type PackedWeight, padToPanel, PANEL, type WeightDtype } from '../layout/packed-weight.ts';
import { headOutputDim } from '../format/config/attention-spec.ts';
import {
  type Columns,
  countOutputs,
  type PackedMatrix,
  readBlocks,
  unpackMatrix,
  readRepeated,
  readSpread,
} from './unpack.ts';
import { type LayerWeights, type ModelWeights, projectedWidth } from './weights.ts';

/**
 * A weight as mathematics has it, out of the kernels' packed memory. Matrices are (inputs, outputs),
 * so that a row of activations times the matrix is the product.
 *
 * Names, `{i}` the layer: `layers.{i}.attention_norm` (dim), `.projection` (dim, projected width),
 * `.projection_bias`, `.query_norm` (headDim), `.key_norm` (headDim), `.group_norm` (headDim),
 * `.output` (heads · headOutputDim, dim), `.output_bias` (dim), `.feed_forward_norm` (dim),
 * `.gate_up` (dim, 2 · hiddenDim) gate then up, `.gate_up_bias`, `.down` (hiddenDim, dim),
 * `.down_bias`; fixed factors `.aq` (heads, rankQ), `.ak` (heads, rankK), `.av` (heads, rankV),
 * `.bq` (rankQ, headDim), `.bk`, `.bv`; MLA `.latent_query_norm` (queryRank), `.query_up`
 * (queryRank, heads · (headDim + ropeDim)), `.latent_norm` (latentDim), `.absorb`
 * (heads, headDim, latentDim), `.value_up` (heads, latentDim, valueDim); `final_norm` (dim),
 * `head` (dim, vocabSize). What a model does not have is not listed. A matrix that is larger than
 * a buffer may be is cut by its outputs into `{name}.0`, `{name}.1` …
 */
export interface NamedMatrix {
  readonly name: string;
  readonly dims: readonly number[];
  /** How the kernels have it. */
  readonly dtype: WeightDtype;
  /**
   * Of a quantised matrix (…, inputs, outputs) its blocks (layout/blocks.ts), in a fresh array:
   * (…, outputs, ⌈inputs / 32⌉).
   *
   * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
   */
  readBlocks?(): Uint8Array<ArrayBuffer>;
  /**
   * The numbers, row-major, in a fresh array.
   *
   * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
   */
  read(): Float32Array;
}

/**
 * Every weight of the model, to be unpacked one at a time: nothing is read before `read()`, which
 * takes 1 MB of wasm memory or a row, and gives it back.
 *
 * @param maxBytes the most that one matrix may have at 4 bytes a number; larger ones are cut into
 *   pieces of equal widths but the last, whole panels of 48 outputs where so many fit
 * @throws RangeError if one output of a matrix has more
 */
export function namedMatrices(
  compute: Compute,
  config: ModelConfig,
  weights: ModelWeights,
  maxBytes = Infinity,
): NamedMatrix[] {
  const { dim, vocabSize } = config;
  const { finalNorm, head } = weights;
  const list = new MatrixList(compute, maxBytes);
  for (const [i, layer] of weights.layers.entries()) {
    addLayer(list, config, `layers.${i}`, layer);
    addFixed(list, config, `layers.${i}`, layer);
    addLatent(list, config, `layers.${i}`, layer);
  }
  list.vector('final_norm', finalNorm, [dim]);
  list.packed('head', [dim], matrixOf([head], vocabSize));
  return list.matrices;
}

function addLayer(list: MatrixList, config: ModelConfig, layer: string, weights: LayerWeights) {
  const { dim, heads, headDim, hiddenDim } = config;
  const width = projectedWidth(config);
  const inputs = heads * headOutputDim(config);
  const gateUp = [
    { first: 0, count: hiddenDim },
    { first: padToPanel(hiddenDim), count: hiddenDim },
  ];
  list.vector(`${layer}.attention_norm`, weights.attentionNorm, [dim]);
  list.packed(`${layer}.projection`, [dim], matrixOf([weights.projection], width));
  list.vector(`${layer}.projection_bias`, weights.projectionBias, [width]);
  list.vector(`${layer}.query_norm`, weights.queryNorm, [headDim]);
  list.vector(`${layer}.key_norm`, weights.keyNorm, [headDim]);
  list.vector(`${layer}.group_norm`, weights.groupNorm, [headDim]);
  list.packed(`${layer}.output`, [inputs], matrixOf([weights.output], dim));
  list.vector(`${layer}.output_bias`, weights.outputBias, [dim]);
  list.vector(`${layer}.feed_forward_norm`, weights.feedForwardNorm, [dim]);
  const gateAndUp = { panels: [weights.gateUp], columns: gateUp };
  list.packed(`${layer}.gate_up`, [dim], gateAndUp);
  list.vector(`${layer}.gate_up_bias`, weights.gateUpBias, [2 * hiddenDim], gateUp);
  list.packed(`${layer}.down`, [hiddenDim], matrixOf([weights.down], dim));
  list.vector(`${layer}.down_bias`, weights.downBias, [dim]);
}

function addFixed(list: MatrixList, config: ModelConfig, layer: string, { fixed }: LayerWeights) {
  const { heads, headDim, rankQ, rankK, rankV } = config;
  const { aq, ak, av, bq, bk, bv } = fixed;
  const { heap } = list.compute;
  list.vector(`${layer}.aq`, aq, [heads, rankQ]);
  list.add(`${layer}.ak`, ak, [heads, rankK], () => readSpread(heap, ak, heads, rankK));
  list.add(`${layer}.av`, av, [heads, rankV], () => readSpread(heap, av, heads, rankV));
  list.vector(`${layer}.bq`, bq, [rankQ, headDim]);
  list.vector(`${layer}.bk`, bk, [rankK, headDim]);
  list.add(`${layer}.bv`, bv, [rankV, headDim], () => readRepeated(heap, bv, rankV, headDim));
}

function addLatent(list: MatrixList, config: ModelConfig, layer: string, { latent }: LayerWeights) {
  if (latent === undefined || config.latent === undefined) return;
  const { heads, headDim } = config;
  const { queryRank, latentDim, ropeDim, valueDim } = config.latent;
  const { queryNorm, queryUp, latentNorm, absorb, valueUp } = latent;
  const queries = matrixOf([queryUp], heads * (headDim + ropeDim));
  const keys = matrixOf(absorb, latentDim);
  const values = matrixOf(valueUp, valueDim);
  list.vector(`${layer}.latent_query_norm`, queryNorm, [queryRank]);
  list.packed(`${layer}.query_up`, [queryRank], queries);
  list.vector(`${layer}.latent_norm`, latentNorm, [latentDim]);
  list.packed(`${layer}.absorb`, [heads, headDim], keys);
  list.packed(`${layer}.value_up`, [heads, latentDim], values);
}

function matrixOf(panels: readonly PackedWeight[], outputs: number): PackedMatrix {
  return { panels, columns: [{ first: 0, count: outputs }] };
}

/** Gathers what a model has; an address of 0 is what it does not have. */
class MatrixList {
  readonly compute: Compute;
  readonly matrices: NamedMatrix[] = [];
  readonly #maxBytes: number;

  constructor(compute: Compute, maxBytes: number) {
    this.compute = compute;
    this.#maxBytes = maxBytes;
  }

  add(name: string, address: number, dims: readonly number[], read: () => Float32Array): void {
    if (address !== 0) this.matrices.push({ name, dims, dtype: 'f32', read });
  }

  /** Numbers as they are, or those of some columns: never many, never cut. */
  vector(name: string, address: number, dims: readonly number[], columns?: readonly Columns[]) {
    const { heap } = this.compute;
    const length = product(dims);
    this.add(name, address, dims, () => {
      const out = new Float32Array(length);
      let at = 0;
      for (const { first, count } of columns ?? [{ first: 0, count: length }]) {
        out.set(heap.floats(numberAt(address, first), count), at);
        at += count;
      }
      return out;
    });
  }

  /** A packed matrix (…rows, outputs), cut by its outputs if it is too large. */
  packed(name: string, rows: readonly number[], matrix: PackedMatrix): void {
    const outputs = countOutputs(matrix);
    const { dtype = 'f32' } = matrix.panels[0] ?? {};
    const least = bytesOf(product(rows)); // of one output
    const most = Math.floor(this.#maxBytes / least);
    if (!(most >= 1)) {
      const message = `"maxBytes" expected at least ${least}, what an output of "${name}" has, got ${this.#maxBytes}`;
      throw new RangeError(message);
    }
    const isCut = outputs > most;
    const width = isCut && most > PANEL ? most - (most % PANEL) : most;
    for (let from = 0; from < outputs; from += width) {
      const to = Math.min(from + width, outputs);
      this.matrices.push({
        name: isCut ? `${name}.${from / width}` : name,
        dims: [...rows, to - from],
        dtype,
        ...(dtype !== 'f32' && { readBlocks: () => readBlocks(this.compute, matrix, from, to) }),
        read: () => unpackMatrix(this.compute, matrix, from, to),
      });
    }
  }
}

function product(dims: readonly number[]): number {
  return dims.reduce((all, length) => all * length, 1);
}
