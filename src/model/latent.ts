import type { Compute } from '../compute/compute.ts';
import { matmul } from '../compute/products.ts';
import { copyRows, rmsNorm } from '../compute/rows.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { type Rows, within } from '../layout/numbers.ts';
import type { FactorRows, QueryRows } from '../layout/records.ts';
import type { LayerWeights } from '../weights/weights.ts';
import type { Workspace } from './workspace.ts';

/** Norms of both latents (upstream code). */
export const LATENT_NORM_EPS = 1e-6;

/**
 * Projects x into the latents of multi-head latent attention and into queries of the latent: K is
 * never formed, W_UK is absorbed into the query (DeepSeek-V2, Section 2.1).
 *
 * @returns queries (heads, latentDim + ropeDim), and what the cache takes of each token
 */
export function projectLatent(
  compute: Compute,
  config: ModelConfig,
  weights: LayerWeights,
  { factors, normed, rope, latent: space }: Workspace,
  count: number,
): { queries: QueryRows; rows: FactorRows } {
  const { heads, headDim } = config;
  const { queryRank, latentDim, ropeDim } = config.latent!;
  const { queryNorm, queryUp, latentNorm, absorb } = weights.latent!;
  const { queries, absorbed } = space!;
  const latent = within(factors, queryRank);
  const sharedKey = within(latent, latentDim);

  matmul(compute, factors, normed, weights.projection, count);
  rmsNorm(compute, factors, factors, queryNorm, count, queryRank, LATENT_NORM_EPS);
  rmsNorm(compute, latent, latent, latentNorm, count, latentDim, LATENT_NORM_EPS);
  rope.rotate(sharedKey, count, 1, ropeDim);

  const head = headDim + ropeDim;
  const key = latentDim + ropeDim;
  matmul(compute, queries, factors, queryUp, count);
  const rotated = within(queries, headDim);
  rope.rotate(rotated, count, heads, head);
  // a product fills whole panels: heads in this order, and the rotated part last
  for (const [h, weight] of absorb.entries()) {
    matmul(compute, within(absorbed, h * key), within(queries, h * head), weight, count);
  }
  const beside = within(absorbed, latentDim);
  copyRows(compute, beside, rotated, count, heads, ropeDim, key, head);

  const none = { ak: 0, akStride: 0, av: 0, avStride: 0 };
  const { at: bk, stride: bkStride } = sharedKey;
  const { at: bv, stride: bvStride } = latent;
  return {
    queries: { aq: absorbed.at, aqStride: absorbed.stride, bq: 0, bqStride: 0, rankQ: 0 },
    rows: { ...none, bk, bkStride, bv, bvStride },
  };
}

/**
 * Each head's output from the latents that attention summed up: W_UV Σ α c.
 *
 * @returns (count, heads, valueDim)
 */
export function expandValues(
  compute: Compute,
  { heads, latent }: ModelConfig,
  weights: LayerWeights,
  { attended, latent: space }: Workspace,
  count: number,
): Rows {
  const { latentDim, valueDim } = latent!;
  const { values } = space!;
  const from = { at: attended, stride: heads * latentDim };
  for (const [h, weight] of weights.latent!.valueUp.entries()) {
    matmul(compute, within(values, h * valueDim), within(from, h * latentDim), weight, count);
  }
  return values;
}
