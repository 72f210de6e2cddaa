import type { ModelConfig } from '../../../format/config/model-config.ts';
import { LATENT_NORM_EPS } from '../../../model/latent.ts';
import type { GraphQueries } from './attention-graph.ts';
import { type Pieces, rotate, type Rotation } from './factors-graph.ts';
import type { GraphBuilder } from './graph-builder.ts';
import type { WeightInputs } from './weight-inputs.ts';

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
  const [latentQuery, latent, key] = g.split(projected, 1, queryRank, latentDim, ropeDim);
  const product = w.product(norm(latentQuery!, 'latent_query_norm'), at('query_up'));
  const query = g.reshape(product, -1, heads, headDim + ropeDim);
  const [plain, turning] = g.split(query, 2, headDim, ropeDim);
  const absorbed = g.transpose(w.product(g.transpose(plain!, 1, 0, 2), at('absorb')), 1, 0, 2);
  const rotated = rotate(g, turning!, heads, ropeDim, rotation);
  return {
    queries: { bq: g.concat([absorbed, rotated], 2), rankQ: 0 },
    pieces: {
      bk: g.reshape(rotate(g, key!, 1, ropeDim, rotation), -1, ropeDim),
      bv: norm(latent!, 'latent_norm'),
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
