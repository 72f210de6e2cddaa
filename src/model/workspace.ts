import { attendScratch } from '../compute/attend.ts';
import { factorLayout, padToPanel, PAGE_TOKENS } from '../compute/project.ts';
import { linearScratch } from '../compute/linear.ts';
import { RopeTables } from '../compute/rope.ts';
import type { LinearState } from '../cache/linear-state.ts';
import type { PagedCache } from '../cache/pages.ts';
import type { FixedFactors } from '../layout/shape.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { Engine } from '../wasm/engine.ts';
import { createLatentSpace, type LatentSpace } from './latent.ts';
import { attentionSpec, headOutputDim, latentWidth } from '../format/config/attention-spec.ts';
import type { ModelWeights } from '../weights/weights.ts';

/** One layer's memory of the tokens before. */
export type LayerCache = PagedCache | LinearState;

/** Rows of logits computed together: the output projection is read once for all of them. */
export const LOGIT_ROWS = 16;

/**
 * Room for the activations of `tokens` tokens, shared by all sequences of a model: a forward pass
 * is never interrupted. Row strides are whole panels.
 */
export interface Workspace {
  readonly tokens: number;
  /** (tokens) u32 */
  readonly ids: number;
  /** (tokens, width) the residual stream */
  readonly x: number;
  /** (tokens, width) normalised */
  readonly normed: number;
  /** (tokens, projected stride) */
  readonly factors: number;
  /** (tokens, heads, valueDim) */
  readonly attended: number;
  /** What MLA needs besides. */
  readonly latent?: LatentSpace;
  /** (tokens, 2 · padded hiddenDim) */
  readonly gateUp: number;
  /** (LOGIT_ROWS, padded vocabSize) */
  readonly logits: number;
  /** Bytes enough for the attention of `tokens` tokens. */
  readonly scratch: number;
  /** Tables of the positions of a step. */
  readonly rope: RopeTables;
  /** Row stride of x and normed. */
  readonly width: number;
}

/**
 * @param cache of a layer, for its shape
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function createWorkspace(
  engine: Engine,
  config: ModelConfig,
  cache: LayerCache,
  tokens: number,
): Workspace {
  const { heap } = engine;
  const { dim, heads, hiddenDim, rankQ, vocabSize } = config;
  const spec = attentionSpec(config);
  const width = padToPanel(dim);
  const projected =
    config.latent === undefined
      ? factorLayout(spec, rankQ).stride
      : padToPanel(latentWidth(config.latent));
  const scratch =
    cache.kind === 'state'
      ? linearScratch(engine, cache, tokens)
      : attendScratch(engine, cache, rankQ, tokens);
  const floats = (count: number) => heap.allocate(count * 4);
  return {
    tokens,
    ids: floats(tokens),
    x: floats(tokens * width),
    normed: floats(tokens * width),
    factors: floats(tokens * projected),
    attended: floats(tokens * heads * Math.max(spec.valueDim, headOutputDim(config))),
    ...(config.latent === undefined ? {} : { latent: createLatentSpace(engine, config, tokens) }),
    gateUp: floats(tokens * 2 * padToPanel(hiddenDim)),
    logits: floats(Math.min(tokens, LOGIT_ROWS) * padToPanel(vocabSize)),
    scratch: heap.allocate(scratch),
    rope: ropeTables(engine, config, tokens),
    width,
  };
}

/** Rotary tables of this model, of `tokens` positions. @throws TpaError `OUT_OF_MEMORY` */
export function ropeTables(engine: Engine, config: ModelConfig, tokens: number): RopeTables {
  const { ropeTheta, ropePrecision, ropeDirection, ropeDecay, ropeScaling, rotaryDim } = config;
  const spec = {
    rotaryDim,
    theta: ropeTheta,
    precision: ropePrecision,
    direction: ropeDirection,
    decay: ropeDecay,
    ...(ropeScaling === undefined ? {} : { scaling: ropeScaling }),
  };
  return new RopeTables(engine, spec, tokens);
}

/**
 * What the caches of each layer need besides tokens: factors that are parameters, and where keys
 * are rotated at attention time the tables of all positions.
 *
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function fixedFactors(
  engine: Engine,
  config: ModelConfig,
  weights: ModelWeights,
): readonly FixedFactors[] {
  const positions = tablePositions(config);
  let tables = {};
  if (positions > 0) {
    const rope = ropeTables(engine, config, positions);
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
