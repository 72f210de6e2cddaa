import { PANEL, padToPanel } from '../compute/project.ts';
import type { QueryRows } from '../compute/attend.ts';
import type { FactorRows } from '../cache/pages.ts';
import { latentWidth } from '../format/config/attention-spec.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { Engine } from '../wasm/engine.ts';
import type { LayerWeights } from '../weights/weights.ts';
import type { Workspace } from './workspace.ts';

/** Norms of both latents (upstream code). */
export const LATENT_NORM_EPS = 1e-6;

/** Room for what MLA computes between its latents and attention; addresses. */
export interface LatentSpace {
  /** (tokens, padded heads · (headDim + ropeDim)) */
  readonly queries: number;
  /** (tokens, heads · (latentDim + ropeDim) and a panel): queries of the latent */
  readonly absorbed: number;
  /** (tokens, heads · valueDim and a panel) */
  readonly values: number;
}

/** @throws TpaError `OUT_OF_MEMORY` */
export function createLatentSpace(
  { heap }: Engine,
  config: ModelConfig,
  tokens: number,
): LatentSpace {
  const { queryStride, absorbedStride, valueStride } = strides(config);
  return {
    queries: heap.allocate(tokens * queryStride * 4),
    absorbed: heap.allocate(tokens * absorbedStride * 4),
    values: heap.allocate(tokens * valueStride * 4),
  };
}

/**
 * Projects x into the latents of multi-head latent attention and into queries of the latent: K is
 * never formed, W_UK is absorbed into the query (DeepSeek-V2, Section 2.1).
 *
 * @returns queries (heads, latentDim + ropeDim), and what the cache takes of each token
 */
export function projectLatent(
  { kernels }: Engine,
  config: ModelConfig,
  weights: LayerWeights,
  { factors, normed, width, rope, latent: space }: Workspace,
  count: number,
): { queries: QueryRows; rows: FactorRows } {
  const { heads, headDim, dim } = config;
  const sizes = config.latent!;
  const { queryRank, latentDim, ropeDim } = sizes;
  const { queryNorm, queryUp, latentNorm, absorb } = weights.latent!;
  const { queries, absorbed } = space!;
  const projected = latentWidth(sizes);
  const stride = padToPanel(projected);
  const { queryStride, absorbedStride } = strides(config);
  const latentAt = factors + queryRank * 4;
  const keyAt = latentAt + latentDim * 4;

  kernels.matmul(
    factors,
    normed,
    weights.projection,
    count,
    dim,
    projected,
    stride,
    width,
    false,
    0,
    padToPanel(projected) / PANEL,
  );
  kernels.rmsNorm(factors, factors, queryNorm, count, queryRank, stride, stride, LATENT_NORM_EPS);
  kernels.rmsNorm(
    latentAt,
    latentAt,
    latentNorm,
    count,
    latentDim,
    stride,
    stride,
    LATENT_NORM_EPS,
  );
  rope.rotate(keyAt, count, 1, stride, ropeDim);

  const head = headDim + ropeDim;
  const key = latentDim + ropeDim;
  kernels.matmul(
    queries,
    factors,
    queryUp,
    count,
    queryRank,
    heads * head,
    queryStride,
    stride,
    false,
    0,
    padToPanel(heads * head) / PANEL,
  );
  const rotated = queries + headDim * 4;
  rope.rotate(rotated, count, heads, queryStride, head);
  // a product fills whole panels: heads in this order, and the rotated part last
  for (const [h, weight] of absorb.entries()) {
    const to = absorbed + h * key * 4;
    const from = queries + h * head * 4;
    kernels.matmul(
      to,
      from,
      weight,
      count,
      headDim,
      latentDim,
      absorbedStride,
      queryStride,
      false,
      0,
      padToPanel(latentDim) / PANEL,
    );
  }
  const beside = absorbed + latentDim * 4;
  kernels.copyRows(beside, rotated, count, heads, ropeDim, key, absorbedStride, head, queryStride);

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
  { kernels }: Engine,
  config: ModelConfig,
  weights: LayerWeights,
  { attended, latent: space }: Workspace,
  count: number,
): { at: number; stride: number } {
  const { heads } = config;
  const { latentDim, valueDim } = config.latent!;
  const { valueStride: stride } = strides(config);
  const at = space!.values;
  for (const [h, weight] of weights.latent!.valueUp.entries()) {
    const to = at + h * valueDim * 4;
    const from = attended + h * latentDim * 4;
    kernels.matmul(
      to,
      from,
      weight,
      count,
      latentDim,
      valueDim,
      stride,
      heads * latentDim,
      false,
      0,
      padToPanel(valueDim) / PANEL,
    );
  }
  return { at, stride };
}

function strides({ heads, headDim, latent }: ModelConfig) {
  const { latentDim, ropeDim, valueDim } = latent!;
  return {
    queryStride: padToPanel(heads * (headDim + ropeDim)),
    absorbedStride: heads * (latentDim + ropeDim) + PANEL,
    valueStride: heads * valueDim + PANEL,
  };
}
