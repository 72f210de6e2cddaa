import { TpaError } from '../errors.ts';
import { factorLayout, packedBytes, padToPanel } from '../attention/factors.ts';
import type { FactorSpec } from '../attention/spec.ts';
import type { ModelConfig } from '../format/model-config.ts';
import type { TensorSet } from '../format/tensors.ts';
import type { Engine } from '../wasm/engine.ts';
import { EMBEDDING, parameterCount, TIED_HEAD } from './tensors.ts';

/** One layer's weights, packed; addresses. */
export interface LayerWeights {
  /** (factorLayout.width, dim): all projections into factors, fused */
  readonly factors: number;
  /** (dim, heads · headDim) */
  readonly output: number;
  /** (headDim), the weight of the group norm; 0 without one */
  readonly groupNorm: number;
  /** (2 · padded hiddenDim, dim): gate, then up */
  readonly gateUp: number;
  /** (dim, hiddenDim) */
  readonly down: number;
}

/** A model's weights in the kernels' layout; addresses. */
export interface ModelWeights {
  /** (vocabSize, dim), also the output projection */
  readonly embedding: number;
  readonly layers: readonly LayerWeights[];
}

/** Told the numbers of weights packed so far, and of all; loading goes on when it is done. */
export type WeightsProgress = (loaded: number, total: number) => void | Promise<void>;

/**
 * Rows pass through a buffer of this many numbers (or of one row) on their way into panels, so
 * that the largest tensor is never twice in wasm memory.
 */
const STAGING_NUMBERS = 1 << 18;

/** What the projections of one layer are made from. */
export function factorSpec(config: ModelConfig): FactorSpec {
  const { dim, heads, headDim, rankQ, rankK, rankV } = config;
  return { dim, heads, headDim, rankQ, rankK, rankV };
}

/**
 * Reads every tensor and packs it; one at a time is on the JavaScript heap, but for an output
 * projection stored beside the embedding, which is compared with it.
 */
export async function loadWeights(
  engine: Engine,
  config: ModelConfig,
  tensors: TensorSet,
  onProgress: WeightsProgress = () => {},
): Promise<ModelWeights> {
  const { kernels, heap } = engine;
  const { dim, headDim, heads, hiddenDim, vocabSize } = config;
  const total = parameterCount(config);
  const stagingNumbers = Math.max(STAGING_NUMBERS, dim, hiddenDim, heads * headDim);
  const staging = heap.allocate(stagingNumbers * 4);
  let loaded = 0;

  const read = async (name: string) => {
    const values = await tensors.readFloat32(name);
    loaded += values.length;
    await onProgress(loaded, total);
    return values;
  };
  const pack = (panels: number, values: Float32Array, first: number, k: number) => {
    const rows = values.length / k;
    const step = Math.floor(stagingNumbers / k);
    for (let row = 0; row < rows; row += step) {
      const piece = values.subarray(row * k, (row + step) * k);
      heap.floats(staging, piece.length).set(piece);
      kernels.pack(panels, staging, first + row, piece.length / k, k);
    }
  };
  /** Packs tensors of k columns below each other, each from a given row. */
  const fuse = async (
    columns: number,
    k: number,
    pieces: readonly (readonly [string, number])[],
  ) => {
    const panels = heap.allocate(packedBytes(columns, k));
    for (const [name, first] of pieces) pack(panels, await read(name), first, k);
    return panels;
  };

  try {
    const table = await read(EMBEDDING);
    await checkTied(tensors, table);
    const embedding = heap.allocate(packedBytes(vocabSize, dim));
    pack(embedding, table, 0, dim);
    const layers: LayerWeights[] = [];
    for (let layer = 0; layer < config.layers; layer++) {
      const name = (part: string) => `transformer.h.${layer}.${part}.weight`;
      const up = padToPanel(hiddenDim);
      const factors = await fuse(
        factorLayout(factorSpec(config)).width,
        dim,
        factorPieces(config).map(([part, first]) => [name(`attn.c_qkv.${part}`), first] as const),
      );
      const output = await fuse(dim, heads * headDim, [[name('attn.c_proj'), 0]]);
      const gateUp = await fuse(2 * up, dim, [
        [name('mlp.c_fc1'), 0],
        [name('mlp.c_fc2'), up],
      ]);
      const down = await fuse(dim, hiddenDim, [[name('mlp.c_proj'), 0]]);
      let groupNorm = 0;
      if (config.usesGroupNorm) {
        const weight = await read(name('attn.subln'));
        groupNorm = heap.allocate(headDim * 4);
        heap.floats(groupNorm, headDim).set(weight);
      }
      layers.push({ factors, output, groupNorm, gateUp, down });
    }
    return { embedding, layers };
  } finally {
    heap.release(staging);
  }
}

/**
 * A file may hold the output projection under its own name, but it must be the embedding.
 *
 * @throws TpaError `MODEL_UNSUPPORTED` if it is another matrix
 */
async function checkTied(tensors: TensorSet, embedding: Float32Array): Promise<void> {
  if (!tensors.entries.has(TIED_HEAD)) return;
  const head = await tensors.readFloat32(TIED_HEAD);
  let at = 0;
  while (at < head.length && head[at] === embedding[at]) at++;
  if (at === head.length) return;
  const message = `tensor "${TIED_HEAD}" expected the values of "${EMBEDDING}", found another at element ${at}; untied heads are not supported`;
  throw new TpaError('MODEL_UNSUPPORTED', message, { data: { tensor: TIED_HEAD, index: at } });
}

/** The upstream projections and their first rows in the fused weight. */
function factorPieces(config: ModelConfig): readonly (readonly [string, number])[] {
  const { aq, bq, ak, bk, av, bv } = factorLayout(factorSpec(config));
  const query =
    config.rankQ > 0
      ? ([
          ['W_A_q', aq],
          ['W_B_q', bq],
        ] as const)
      : ([['c_q', aq]] as const);
  return [...query, ['W_A_k', ak], ['W_B_k', bk], ['W_A_v', av], ['W_B_v', bv]];
}
