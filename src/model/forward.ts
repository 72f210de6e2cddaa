import { attend } from '../compute/attend.ts';
import type { LayerCache } from '../cache/layer-cache.ts';
import type { Compute } from '../compute/compute.ts';
import { embed, matmul } from '../compute/products.ts';
import { cachedRows, projectFactors, queryRows } from '../compute/project.ts';
import { addBias, isFinite, rmsNorm, swiglu } from '../compute/rows.ts';
import { attendLinear } from '../compute/linear.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { rowAt, type Rows } from '../layout/numbers.ts';
import { padToPanel } from '../layout/packed-weight.ts';
import { expandValues, projectLatent } from './latent.ts';
import { headOutputDim } from '../format/config/attention-spec.ts';
import type { LayerWeights, ModelWeights } from '../weights/weights.ts';
import { LOGIT_ROWS, type Workspace } from './workspace.ts';

/** The norm of each head's output, `attn.subln`. */
export const GROUP_NORM_EPS = 1e-5;

/** What a forward pass computes with. */
export interface Network {
  readonly compute: Compute;
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  readonly workspace: Workspace;
}

/**
 * Runs the blocks over `ids`, at the positions after the last of the caches:
 * x += attention(RMSNorm(x)); x += SwiGLU(RMSNorm(x)). What is to be cached is written to reserved
 * space of `caches`, one a layer, and not committed. The residual stream is left in the workspace.
 * For `Compute.evaluate`, or at once.
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
  const { compute, weights, workspace } = network;
  const { ids: idsAt, x, rope } = workspace;
  const count = ids.length;
  compute.heap.words(idsAt, count).set(ids);
  embed(compute, x, weights.embedding, idsAt, count);
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
  const { compute, config, workspace } = network;
  const { x, normed, attended } = workspace;
  const { dim, heads, headDim } = config;
  norm(network, normed, x, weights.attentionNorm, count);
  attendTo(network, weights, cache, count);
  let from = { at: attended, stride: heads * headOutputDim(config) };
  if (config.latent !== undefined) from = expandValues(compute, config, weights, workspace, count);
  if (weights.groupNorm !== 0) {
    const each = { at: attended, stride: headDim };
    rmsNorm(compute, each, each, weights.groupNorm, count * heads, headDim, GROUP_NORM_EPS);
  }
  matmul(compute, x, from, weights.output, count, true);
  if (weights.outputBias !== 0) addBias(compute, x, weights.outputBias, count, dim);
}

/** Each head's output from normed x, in workspace.attended. */
function attendTo(
  { compute, config, workspace }: Network,
  weights: LayerWeights,
  cache: LayerCache,
  count: number,
): void {
  const { attended, factors, normed, rope } = workspace;
  if (config.latent !== undefined && cache.kind === 'pages') {
    const { queries, rows } = projectLatent(compute, config, weights, workspace, count);
    cache.write(count, rows);
    attend(compute, attended, queries, cache, count, cache.length);
    return;
  }
  const { rankQ, usesSigmoid, normEps } = config;
  const { projection: weight, projectionBias: bias, queryNorm, keyNorm, fixed } = weights;
  const { spec } = cache;
  const parts = { weight, bias, queryNorm, keyNorm, bq: fixed.bq };
  const projection = { spec, rankQ, usesSigmoid, normEps, ...parts };
  const layout = projectFactors(compute, factors.at, normed, projection, count, rope);
  const queries = queryRows(factors.at, layout, rankQ, fixed.aq);
  const rows = cachedRows(spec, factors.at, layout);
  if (cache.kind === 'state') {
    attendLinear(compute, attended, queries, rows, cache, count);
  } else {
    cache.write(count, rows);
    attend(compute, attended, queries, cache, count, cache.length);
  }
}

/** x += W_down · (silu(W_gate · RMSNorm(x)) ∘ W_up · RMSNorm(x)) */
function feedForward(network: Network, weights: LayerWeights, count: number): void {
  const { compute, config, workspace } = network;
  const { x, normed, gateUp } = workspace;
  const { dim, hiddenDim } = config;
  const { gateUpBias, downBias } = weights;
  norm(network, normed, x, weights.feedForwardNorm, count);
  matmul(compute, gateUp, normed, weights.gateUp, count);
  if (gateUpBias !== 0) addBias(compute, gateUp, gateUpBias, count, gateUp.stride);
  swiglu(compute, gateUp, padToPanel(hiddenDim), count, hiddenDim);
  matmul(compute, x, gateUp, weights.down, count, true);
  if (downBias !== 0) addBias(compute, x, downBias, count, dim);
}

/** out = RMSNorm(x), of `count` rows. */
function norm({ compute, config }: Network, out: Rows, x: Rows, weight: number, count: number) {
  rmsNorm(compute, out, x, weight, count, config.dim, config.normEps);
}

/**
 * Logits of rows first … first + count of the residual stream, in workspace.logits: W_head ·
 * RMSNorm(x).
 *
 * @param count 1 … LOGIT_ROWS
 */
export function projectLogits(network: Network, first: number, count: number): void {
  const { compute, weights, workspace } = network;
  const { x, normed, logits } = workspace;
  norm(network, normed, { ...x, at: rowAt(x, first) }, weights.finalNorm, count);
  matmul(compute, logits, normed, weights.head, count);
}

/**
 * Logits of rows first … first + count of the residual stream, which were computed.
 *
 * @param out (count, vocabSize), fresh unless given
 * @param isCancelled as of `Compute.evaluate`
 * @returns `out`; undefined if a logit is not finite
 * @throws TpaError `KERNEL_TRAP`, `ABORTED`
 */
export async function readLogits(
  network: Network,
  first: number,
  count: number,
  out: Float32Array = new Float32Array(count * network.config.vocabSize),
  isCancelled?: () => boolean,
): Promise<Float32Array | undefined> {
  const { compute, workspace } = network;
  const { logits } = workspace;
  const { vocabSize } = network.config;
  for (let row = 0; row < count; row += LOGIT_ROWS) {
    const rows = Math.min(LOGIT_ROWS, count - row);
    await compute.evaluate(() => projectLogits(network, first + row, rows), isCancelled);
    const numbers = rows * logits.stride;
    if (!isFinite(compute, logits.at, numbers)) return undefined;
    const view = compute.heap.floats(logits.at, numbers);
    for (let i = 0; i < rows; i++) {
      const at = i * logits.stride;
      out.set(view.subarray(at, at + vocabSize), (row + i) * vocabSize);
    }
  }
  return out;
}
