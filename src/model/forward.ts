import { attend } from '../compute/attend.ts';
import {
  cachedRows,
  factorLayout,
  PANEL,
  padToPanel,
  projectFactors,
  queryRows,
} from '../compute/project.ts';
import { attendLinear } from '../compute/linear.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { Engine } from '../wasm/engine.ts';
import { expandValues, projectLatent } from './latent.ts';
import { attentionSpec, headOutputDim } from '../format/config/attention-spec.ts';
import type { LayerWeights, ModelWeights } from '../weights/weights.ts';
import { type LayerCache, LOGIT_ROWS, type Workspace } from './workspace.ts';

/** The norm of each head's output, `attn.subln`. */
export const GROUP_NORM_EPS = 1e-5;

/** What a forward pass computes with. */
export interface Network {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  readonly workspace: Workspace;
}

/**
 * Runs the blocks over `ids`, at the positions after the last of the caches:
 * x += attention(RMSNorm(x)); x += SwiGLU(RMSNorm(x)). What is to be cached is written to reserved
 * space of `caches`, one a layer, and not committed. The residual stream is left in the workspace.
 *
 * @param ids 1 … workspace.tokens token ids
 * @param onBlock called after each layer with the residual stream still in the workspace
 */
export function runBlocks(
  network: Network,
  ids: readonly number[],
  caches: readonly LayerCache[],
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

/** x += W_O · attention(RMSNorm(x)) */
function attention(
  network: Network,
  weights: LayerWeights,
  cache: LayerCache,
  count: number,
): void {
  const { engine, config, workspace } = network;
  const { kernels } = engine;
  const { x, normed, width, attended } = workspace;
  const { dim, heads, headDim } = config;
  norm(network, normed, x, weights.attentionNorm, count);
  attendTo(network, weights, cache, count);
  const inputs = heads * headOutputDim(config);
  let from = { at: attended, stride: inputs };
  if (config.latent !== undefined) from = expandValues(engine, config, weights, workspace, count);
  if (weights.groupNorm !== 0) {
    const { groupNorm } = weights;
    const rows = count * heads;
    kernels.rmsNorm(attended, attended, groupNorm, rows, headDim, headDim, headDim, GROUP_NORM_EPS);
  }
  kernels.matmul(
    x,
    from.at,
    weights.output,
    count,
    inputs,
    dim,
    width,
    from.stride,
    true,
    0,
    padToPanel(dim) / PANEL,
  );
  if (weights.outputBias !== 0) kernels.addBias(x, weights.outputBias, count, dim, width);
}

/** Each head's output from normed x, in workspace.attended. */
function attendTo(
  { engine, config, workspace }: Network,
  weights: LayerWeights,
  cache: LayerCache,
  count: number,
): void {
  const { attended, factors, normed, width, rope, scratch } = workspace;
  if (config.latent !== undefined && cache.kind === 'pages') {
    const { queries, rows } = projectLatent(engine, config, weights, workspace, count);
    cache.write(count, rows);
    attend(engine, attended, queries, cache, count, cache.length, scratch);
    return;
  }
  const { rankQ, dim, usesSigmoid, normEps } = config;
  const { projection: weight, projectionBias: bias, queryNorm, keyNorm, fixed } = weights;
  const spec = attentionSpec(config);
  const layout = factorLayout(spec, rankQ);
  const projection = {
    spec,
    rankQ,
    dim,
    weight,
    bias,
    usesSigmoid,
    queryNorm,
    keyNorm,
    normEps,
    bq: fixed.bq,
  };
  projectFactors(engine, factors, normed, projection, count, width, rope);
  const queries = queryRows(factors, layout, rankQ, fixed.aq);
  const rows = cachedRows(factors, layout);
  if (cache.kind === 'state') {
    attendLinear(engine, attended, queries, rows, cache, count, scratch);
  } else {
    cache.write(count, rows);
    attend(engine, attended, queries, cache, count, cache.length, scratch);
  }
}

/** x += W_down · (silu(W_gate · RMSNorm(x)) ∘ W_up · RMSNorm(x)) */
function feedForward(network: Network, weights: LayerWeights, count: number): void {
  const { engine, config, workspace } = network;
  const { kernels } = engine;
  const { x, normed, gateUp, width } = workspace;
  const { dim, hiddenDim } = config;
  const { gateUpBias, downBias } = weights;
  const up = padToPanel(hiddenDim);
  const stride = 2 * up;
  norm(network, normed, x, weights.feedForwardNorm, count);
  kernels.matmul(
    gateUp,
    normed,
    weights.gateUp,
    count,
    dim,
    stride,
    stride,
    width,
    false,
    0,
    padToPanel(stride) / PANEL,
  );
  if (gateUpBias !== 0) kernels.addBias(gateUp, gateUpBias, count, stride, stride);
  kernels.swiglu(gateUp, gateUp + up * 4, count, hiddenDim, stride);
  kernels.matmul(
    x,
    gateUp,
    weights.down,
    count,
    hiddenDim,
    dim,
    width,
    stride,
    true,
    0,
    padToPanel(dim) / PANEL,
  );
  if (downBias !== 0) kernels.addBias(x, downBias, count, dim, width);
}

/** out = RMSNorm(x), of `count` rows. */
function norm(
  { engine, config, workspace: { width } }: Network,
  out: number,
  x: number,
  weight: number,
  count: number,
): void {
  engine.kernels.rmsNorm(out, x, weight, count, config.dim, width, width, config.normEps);
}

/**
 * Logits of rows first … first + count of the residual stream: W_head · RMSNorm(x).
 *
 * @returns (count, vocabSize), a fresh array; undefined if a logit is not finite
 */
export function readLogits(
  network: Network,
  first: number,
  count: number,
): Float32Array | undefined {
  const { engine, config, weights, workspace } = network;
  const { kernels, heap } = engine;
  const { x, normed, logits, width } = workspace;
  const { dim, vocabSize } = config;
  const stride = padToPanel(vocabSize);
  const out = new Float32Array(count * vocabSize);
  norm(network, normed, x + first * width * 4, weights.finalNorm, count);
  for (let row = 0; row < count; row += LOGIT_ROWS) {
    const rows = Math.min(LOGIT_ROWS, count - row);
    const from = normed + row * width * 4;
    kernels.matmul(
      logits,
      from,
      weights.head,
      rows,
      dim,
      vocabSize,
      stride,
      width,
      false,
      0,
      padToPanel(vocabSize) / PANEL,
    );
    if (kernels.isFinite(logits, rows * stride) === 0) return undefined;
    const view = heap.floats(logits, rows * stride);
    for (let i = 0; i < rows; i++) {
      out.set(view.subarray(i * stride, i * stride + vocabSize), (row + i) * vocabSize);
    }
  }
  return out;
}
