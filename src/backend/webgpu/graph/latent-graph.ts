import type { ModelConfig } from '../../../format/config/model-config.ts';
import { LATENT_NORM_EPS } from '../../../model/latent.ts';
import { rotate, type Rotation, type SplitProjection } from './factors-graph.ts';
import type { WeightInputs } from './weight-inputs.ts';

/**
 * Queries of the latent and what is cached of new tokens, from the projection into MLA's latents:
 * W_UK is absorbed into the query (DeepSeek-V2, Section 2.1).
 *
 * @param w of the layer
 */
export function splitLatent(
  w: WeightInputs,
  { heads, headDim, latent }: ModelConfig,
  projected: string,
  rotation: Rotation,
): SplitProjection {
  const g = w.graph;
  const { queryRank, latentDim, ropeDim } = latent!;
  const norm = (x: string, name: string) => g.rmsNorm(x, w.get(name)!, LATENT_NORM_EPS);
  const [latentQuery, latentKey, key] = g.split(projected, 1, queryRank, latentDim, ropeDim);
  const product = w.product(norm(latentQuery!, 'latent_query_norm'), 'query_up');
  const query = g.reshape(product, -1, heads, headDim + ropeDim);
  const [plain, turning] = g.split(query, 2, headDim, ropeDim);
  const absorbed = g.transpose(w.product(g.transpose(plain!, 1, 0, 2), 'absorb'), 1, 0, 2);
  const rotated = rotate(g, turning!, heads, ropeDim, rotation);
  return {
    queries: { bq: g.concat([absorbed, rotated], 2), rankQ: 0 },
    pieces: {
      bk: g.reshape(rotate(g, key!, 1, ropeDim, rotation), -1, ropeDim),
      bv: norm(latentKey!, 'latent_norm'),
    },
  };
}

/** Each head's output W_UV Σ α c: (tokens, heads · valueDim) from (tokens, heads · latentDim). */
export function latentOutput(
  w: WeightInputs,
  { heads, latent }: ModelConfig,
  attended: string,
): string {
  const g = w.graph;
  const { latentDim, valueDim } = latent!;
  const byHead = g.transpose(g.reshape(attended, -1, heads, latentDim), 1, 0, 2);
  const values = w.product(byHead, 'value_up');
  return g.reshape(g.transpose(values, 1, 0, 2), -1, heads * valueDim);
}
