import { logitScale } from '../../attention/spec.ts';
import type { ModelConfig } from '../../format/model-config.ts';
import { attentionSpec } from '../../model/spec.ts';
import type { GraphQueries } from './attention-graph.ts';
import { type Pieces, rotate, type Rotation } from './factors-graph.ts';
import type { GraphBuilder } from './graph-builder.ts';
import type { WeightInputs } from './weight-inputs.ts';

/** Norms of both latents (upstream code). */
const LATENT_NORM_EPS = 1e-6;

/**
 * Queries of the latent and what is cached of new tokens, from the projection into MLA's latents:
 * W_UK is absorbed into the query (DeepSeek-V2, Section 2.1).
 */
export function splitLatent(
  g: GraphBuilder,
  w: WeightInputs,
  config: ModelConfig,
  layer: number,
  projected: string,
  rotation: Rotation,
): { queries: GraphQueries; pieces: Pieces } {
  const { heads, headDim } = config;
  const { queryRank, latentDim, ropeDim } = config.latent!;
  const at = (name: string) => `layers.${layer}.${name}`;
  const norm = (x: string, name: string) => g.rmsNorm(x, w.get(at(name))!, LATENT_NORM_EPS);
  const part = (from: number, to: number) => g.slice(projected, 1, from, to);

  const latentQuery = norm(part(0, queryRank), 'latent_query_norm');
  const head = headDim + ropeDim;
  const query = g.reshape(w.product(latentQuery, at('query_up')), -1, heads, head);
  const byHead = g.transpose(g.slice(query, 2, 0, headDim), 1, 0, 2);
  const absorbed = g.transpose(w.product(byHead, at('absorb')), 1, 0, 2);
  const rotated = rotate(g, g.slice(query, 2, headDim, head), ropeDim, rotation);
  const scale = logitScale(attentionSpec(config), 0);

  const latentEnd = queryRank + latentDim;
  const key = g.reshape(part(latentEnd, latentEnd + ropeDim), -1, 1, ropeDim);
  return {
    queries: { bq: g.scale(g.concat([absorbed, rotated], 2), scale), rankQ: 0 },
    pieces: {
      bk: g.reshape(rotate(g, key, ropeDim, rotation), -1, ropeDim),
      bv: norm(part(queryRank, latentEnd), 'latent_norm'),
    },
  };
}

/** Each head's output W_UV Σ α c: (tokens, heads · valueDim) from (tokens, heads · latentDim). */
export function latentOutput(
  g: GraphBuilder,
  w: WeightInputs,
  { heads, latent }: ModelConfig,
  layer: number,
  attended: string,
): string {
  const { latentDim, valueDim } = latent!;
  const byHead = g.transpose(g.reshape(attended, -1, heads, latentDim), 1, 0, 2);
  const values = w.product(byHead, `layers.${layer}.value_up`);
  return g.reshape(g.transpose(values, 1, 0, 2), -1, heads * valueDim);
}
