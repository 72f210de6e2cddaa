import type { Compute } from '../compute/compute.ts';
import { matmul } from '../compute/products.ts';
import { copyRows, rmsNorm } from '../compute/rows.ts';
import { latentWidth } from '../format/config/attention-spec.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { numberAt } from '../layout/numbers.ts';
import { padToPanel } from '../layout/packed-weight.ts';
import type { FactorRows, QueryRows } from '../layout/records.ts';
import type { LayerWeights } from '../weights/weights.ts';
import { latentStrides, type Workspace } from './workspace.ts';

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
  { factors, normed, width, rope, latent: space }: Workspace,
  count: number,
): { queries: QueryRows; rows: FactorRows } {
  const { heads, headDim } = config;
  const sizes = config.latent!;
  const { queryRank, latentDim, ropeDim } = sizes;
  const { queryNorm, queryUp, latentNorm, absorb } = weights.latent!;
  const { queries, absorbed } = space!;
  const stride = padToPanel(latentWidth(sizes));
  const { queryStride, absorbedStride } = latentStrides(config);
  const latentAt = numberAt(factors, queryRank);
  const keyAt = numberAt(latentAt, latentDim);

  matmul(compute, factors, normed, weights.projection, count, stride, width);
  const norm = (at: number, weight: number, dim: number) =>
    rmsNorm(compute, at, at, weight, count, dim, stride, stride, LATENT_NORM_EPS);
  norm(factors, queryNorm, queryRank);
  norm(latentAt, latentNorm, latentDim);
  rope.rotate(keyAt, count, 1, stride, ropeDim);

  const head = headDim + ropeDim;
  const key = latentDim + ropeDim;
  matmul(compute, queries, factors, queryUp, count, queryStride, stride);
  const rotated = numberAt(queries, headDim);
  rope.rotate(rotated, count, heads, queryStride, head);
  // a product fills whole panels: heads in this order, and the rotated part last
  for (const [h, weight] of absorb.entries()) {
    const to = numberAt(absorbed, h * key);
    const from = numberAt(queries, h * head);
    matmul(compute, to, from, weight, count, absorbedStride, queryStride);
  }
  const beside = numberAt(absorbed, latentDim);
  copyRows(compute, beside, rotated, count, heads, ropeDim, key, absorbedStride, head, queryStride);

  return {
    queries: { aq: absorbed, aqStride: absorbedStride, bq: 0, bqStride: 0, rankQ: 0 },
    rows: {
      ak: 0,
      akStride: 0,
      bk: keyAt,
      bkStride: stride,
      av: 0,
      avStride: 0,
      bv: latentAt,
      bvStride: stride,
    },
  };
}

/**
 * Each head's output from the latents that attention summed up: W_UV Σ α c.
 *
 * @returns address of (count, heads, valueDim) and the numbers between tokens
 */
export function expandValues(
  compute: Compute,
  config: ModelConfig,
  weights: LayerWeights,
  { attended, latent: space }: Workspace,
  count: number,
): { at: number; stride: number } {
  const { heads } = config;
  const { latentDim, valueDim } = config.latent!;
  const { valueStride: stride } = latentStrides(config);
  const at = space!.values;
  for (const [h, weight] of weights.latent!.valueUp.entries()) {
    const to = numberAt(at, h * valueDim);
    const from = numberAt(attended, h * latentDim);
    matmul(compute, to, from, weight, count, stride, heads * latentDim);
  }
  return { at, stride };
}
