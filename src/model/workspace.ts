import { attendScratch } from '../compute/attend.ts';
import type { Compute } from '../compute/compute.ts';
import { factorLayout } from '../compute/project.ts';
import { linearScratch } from '../compute/linear.ts';
import { RopeTables } from '../compute/rope.ts';
import type { LayerCache } from '../cache/layer-cache.ts';
import { bytesOf, type Rows } from '../layout/numbers.ts';
import { padToPanel, PANEL } from '../layout/packed-weight.ts';
import { PAGE_TOKENS } from '../layout/pages.ts';
import type { FixedFactors } from '../layout/records.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { attentionSpec, headOutputDim, latentWidth } from '../format/config/attention-spec.ts';
import type { ModelWeights } from '../weights/weights.ts';

/** Rows of logits computed together: the output projection is read once for all of them. */
export const LOGIT_ROWS = 16;

/** Room for what MLA computes between its latents and attention. */
export interface LatentSpace {
  /** (tokens, padded heads · (headDim + ropeDim)) */
  readonly queries: Rows;
  /** (tokens, heads · (latentDim + ropeDim) and a panel): queries of the latent */
  readonly absorbed: Rows;
  /** (tokens, heads · valueDim and a panel) */
  readonly values: Rows;
}

/**
 * Room for the activations of `tokens` tokens, shared by all sequences of a model: a forward pass
 * is never interrupted. Row strides are whole panels.
 */
export interface Workspace {
  readonly tokens: number;
  /** (tokens) u32 */
  readonly ids: number;
  /** (tokens, dim) the residual stream */
  readonly x: Rows;
  /** (tokens, dim) normalised */
  readonly normed: Rows;
  /** (tokens, projected width) */
  readonly factors: Rows;
  /** Address of (tokens, heads, valueDim). */
  readonly attended: number;
  /** What MLA needs besides. */
  readonly latent?: LatentSpace;
  /** (tokens, 2 · padded hiddenDim) */
  readonly gateUp: Rows;
  /** (LOGIT_ROWS, vocabSize) */
  readonly logits: Rows;
  /** Tables of the positions of a step. */
  readonly rope: RopeTables;
}

/**
 * Room for steps, and the scratch of their attention.
 *
 * @param cache of a layer, for its shape
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function createWorkspace(
  compute: Compute,
  config: ModelConfig,
  cache: LayerCache,
  tokens: number,
): Workspace {
  const { heap } = compute;
  const { dim, heads, hiddenDim, rankQ, vocabSize } = config;
  const spec = attentionSpec(config);
  const projected =
    config.latent === undefined
      ? factorLayout(spec, rankQ).stride
      : padToPanel(latentWidth(config.latent));
  const scratch =
    cache.kind === 'state'
      ? linearScratch(compute, cache, tokens)
      : attendScratch(compute, cache, rankQ, tokens);
  compute.takeScratch(scratch);
  return {
    tokens,
    ids: heap.allocate(bytesOf(tokens)),
    x: allocateRows(compute, tokens, padToPanel(dim)),
    normed: allocateRows(compute, tokens, padToPanel(dim)),
    factors: allocateRows(compute, tokens, projected),
    attended: allocateRows(compute, tokens, heads * Math.max(spec.valueDim, headOutputDim(config)))
      .at,
    ...(config.latent === undefined ? {} : { latent: createLatentSpace(compute, config, tokens) }),
    gateUp: allocateRows(compute, tokens, 2 * padToPanel(hiddenDim)),
    logits: allocateRows(compute, Math.min(tokens, LOGIT_ROWS), padToPanel(vocabSize)),
    rope: ropeTables(compute, config, tokens),
  };
}

/** Rotary tables of this model, of `tokens` positions. @throws TpaError `OUT_OF_MEMORY` */
export function ropeTables(compute: Compute, config: ModelConfig, tokens: number): RopeTables {
  const { ropeTheta, ropePrecision, ropeDirection, ropeDecay, ropeScaling, rotaryDim } = config;
  const spec = {
    rotaryDim,
    theta: ropeTheta,
    precision: ropePrecision,
    direction: ropeDirection,
    decay: ropeDecay,
    ...(ropeScaling === undefined ? {} : { scaling: ropeScaling }),
  };
  return new RopeTables(compute, spec, tokens);
}

/**
 * What the caches of each layer need besides tokens: factors that are parameters, and where keys
 * are rotated at attention time the tables of all positions.
 *
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function fixedFactors(
  compute: Compute,
  config: ModelConfig,
  weights: ModelWeights,
): readonly FixedFactors[] {
  const positions = tablePositions(config);
  let tables = {};
  if (positions > 0) {
    const rope = ropeTables(compute, config, positions);
    rope.fill(0, positions);
    tables = {
      cos: rope.cosAt,
      sin: rope.sinAt,
      pairs: rope.pairs,
      direction: config.ropeDirection,
    };
  }
  return weights.layers.map(({ fixed: { ak, av, bk, bv } }) => ({ ak, av, bk, bv, ...tables }));
}

/** Positions whose tables attention reads: those of all pages where it rotates keys, else none. */
export function tablePositions({ featureFactors, contextLength }: ModelConfig): number {
  if (featureFactors !== 'fixed' && featureFactors !== 'shared') return 0;
  return Math.ceil(contextLength / PAGE_TOKENS) * PAGE_TOKENS;
}

/** @throws TpaError `OUT_OF_MEMORY` */
function createLatentSpace(
  compute: Compute,
  { heads, headDim, latent }: ModelConfig,
  tokens: number,
): LatentSpace {
  const { latentDim, ropeDim, valueDim } = latent!;
  return {
    queries: allocateRows(compute, tokens, padToPanel(heads * (headDim + ropeDim))),
    absorbed: allocateRows(compute, tokens, heads * (latentDim + ropeDim) + PANEL),
    values: allocateRows(compute, tokens, heads * valueDim + PANEL),
  };
}

function allocateRows({ heap }: Compute, count: number, stride: number): Rows {
  return { at: heap.allocate(bytesOf(count * stride)), stride };
}
