import { attend } from '../attention/attend.ts';
import {
  cachedRows,
  factorLayout,
  padToPanel,
  projectFactors,
  queryRows,
} from '../attention/factors.ts';
import type { PagedCache } from '../cache/pages.ts';
import type { ModelConfig } from '../format/model-config.ts';
import type { Engine } from '../wasm/engine.ts';
import { factorSpec, type LayerWeights, type ModelWeights } from './weights.ts';
import { LOGIT_ROWS, type Workspace } from './workspace.ts';

/** float32 machine epsilon: the block norms of T6, which have no weight. */
const BLOCK_NORM_EPS = 1.1920929e-7;
/** The norm of each head's output, `attn.subln`. */
const GROUP_NORM_EPS = 1e-5;

/** What a forward pass computes with. */
export interface Network {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  readonly workspace: Workspace;
}

/**
 * Runs the blocks of T6 over `ids`, at the positions after the last of the caches:
 * x += TPA(RMSNorm(x)); x += SwiGLU(RMSNorm(x)). New factors are written to reserved space of
 * `caches`, one a layer, and not committed. The residual stream is left in the workspace.
 *
 * @param ids 1 … workspace.tokens token ids
 * @param onBlock called after each layer with the residual stream still in the workspace
 */
export function runBlocks(
  network: Network,
  ids: readonly number[],
  caches: readonly PagedCache[],
  onBlock: (layer: number) => void = () => {},
): void {
  const { engine, config, weights, workspace } = network;
  const { kernels, heap } = engine;
  const { ids: idsAt, x, width, rope } = workspace;
  const count = ids.length;
  heap.words(idsAt, count).set(ids);
  kernels.embed(x, weights.embedding, idsAt, count, config.dim, width);
  rope.fill(caches[0]?.length ?? 0, count);
  for (const [layer, layerWeights] of weights.layers.entries()) {
    attention(network, layerWeights, caches[layer]!, count);
    feedForward(network, layerWeights, count);
    onBlock(layer);
  }
}

/** x += W_O · TPA(RMSNorm(x)) */
function attention(
  { engine, config, workspace }: Network,
  weights: LayerWeights,
  cache: PagedCache,
  count: number,
): void {
  const { kernels } = engine;
  const { x, normed, factors, attended, scratch, rope, width } = workspace;
  const { dim, heads, headDim, rankQ } = config;
  const spec = factorSpec(config);
  const layout = factorLayout(spec);
  kernels.rmsNorm(normed, x, 0, count, dim, width, width, BLOCK_NORM_EPS);
  projectFactors(engine, factors, normed, weights.factors, spec, count, width, rope);
  cache.write(count, cachedRows(factors, layout));
  const queries = queryRows(factors, layout, rankQ);
  attend(engine, attended, queries, cache, count, cache.length, scratch);
  if (weights.groupNorm !== 0) {
    const rows = count * heads;
    kernels.rmsNorm(
      attended,
      attended,
      weights.groupNorm,
      rows,
      headDim,
      headDim,
      headDim,
      GROUP_NORM_EPS,
    );
  }
  const inputs = heads * headDim;
  kernels.matmul(x, attended, weights.output, count, inputs, dim, width, inputs, true);
}

/** x += W_down · (silu(W_gate · RMSNorm(x)) ∘ W_up · RMSNorm(x)) */
function feedForward(
  { engine, config, workspace }: Network,
  weights: LayerWeights,
  count: number,
): void {
  const { kernels } = engine;
  const { x, normed, gateUp, width } = workspace;
  const { dim, hiddenDim } = config;
  const up = padToPanel(hiddenDim);
  const stride = 2 * up;
  kernels.rmsNorm(normed, x, 0, count, dim, width, width, BLOCK_NORM_EPS);
  kernels.matmul(gateUp, normed, weights.gateUp, count, dim, stride, stride, width, false);
  kernels.swiglu(gateUp, gateUp + up * 4, count, hiddenDim, stride);
  kernels.matmul(x, gateUp, weights.down, count, hiddenDim, dim, width, stride, true);
}

/**
 * Logits of rows first … first + count of the residual stream: RMSNorm(x) · wteᵀ.
 *
 * @returns (count, vocabSize), a fresh array; undefined if a logit is not finite
 */
export function readLogits(
  { engine, config, weights, workspace }: Network,
  first: number,
  count: number,
): Float32Array | undefined {
  const { kernels, heap } = engine;
  const { x, normed, logits, width } = workspace;
  const { dim, vocabSize } = config;
  const stride = padToPanel(vocabSize);
  const out = new Float32Array(count * vocabSize);
  kernels.rmsNorm(normed, x + first * width * 4, 0, count, dim, width, width, BLOCK_NORM_EPS);
  for (let row = 0; row < count; row += LOGIT_ROWS) {
    const rows = Math.min(LOGIT_ROWS, count - row);
    const from = normed + row * width * 4;
    kernels.matmul(logits, from, weights.embedding, rows, dim, vocabSize, stride, width, false);
    if (kernels.isFinite(logits, rows * stride) === 0) return undefined;
    const view = heap.floats(logits, rows * stride);
    for (let i = 0; i < rows; i++) {
      out.set(view.subarray(i * stride, i * stride + vocabSize), (row + i) * vocabSize);
    }
  }
  return out;
}
