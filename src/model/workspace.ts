import { attendScratch } from '../compute/attend.ts';
import type { Compute } from '../compute/compute.ts';
import type { ScratchBytes } from '../compute/scratch.ts';
import { productScratch } from '../compute/products.ts';
import { factorLayout } from '../compute/project.ts';
import { linearScratch } from '../compute/linear.ts';
import { ropeBytes, RopeTables } from '../compute/rope.ts';
import { createLayerCache } from '../cache/layer-cache.ts';
import { activationBytes } from '../layout/activations.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import { bytesOf, type Rows } from '../layout/numbers.ts';
import { padToPanel, PANEL } from '../layout/packed-weight.ts';
import { PAGE_TOKENS } from '../layout/pages.ts';
import type { FixedFactors } from '../layout/records.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { attentionSpec, headOutputDim, latentWidth } from '../format/config/attention-spec.ts';
import type { ModelWeights } from '../weights/weights.ts';

/**
 * Rows of logits computed together: the output projection is read once for all of them. From 6 on it
 * is computing that takes the time, and a row of 50,304 is 200 KB.
 */
export const LOGIT_ROWS = 8;

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
  /**
   * Makes room for steps of sequences that cache codes, once, where the workspace was not made for
   * them: those of float32 do without.
   *
   * @throws TpaError `OUT_OF_MEMORY`
   */
  takeCodes(): void;
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
 * Room for steps, the scratch of their attention, and activations for products with quantised weights.
 *
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function createWorkspace(
  compute: Compute,
  config: ModelConfig,
  tokens: number,
  cacheDtype: CacheDtype = 'f32',
): Workspace {
  const rows = ([count, stride]: Part): Rows => ({
    at: compute.heap.allocate(bytesOf(count * stride)),
    stride,
  });
  const takeScratch = (dtype: CacheDtype): void => {
    compute.takeScratch(scratchBytes(compute, config, tokens, dtype), config.layers);
  };
  takeScratch(cacheDtype);
  let hasCodes = cacheDtype !== 'f32';
  compute.takeActivations(activationBytes(tokens, widestInput(config)));
  const parts = partsOf(config, tokens);
  const latent = latentPartsOf(config, tokens);
  return {
    tokens,
    takeCodes(): void {
      if (!hasCodes) takeScratch('i16'); // q8 needs as much
      hasCodes = true;
    },
    ids: rows(parts.ids).at,
    x: rows(parts.x),
    normed: rows(parts.normed),
    factors: rows(parts.factors),
    attended: rows(parts.attended).at,
    ...(latent && {
      latent: {
        queries: rows(latent.queries),
        absorbed: rows(latent.absorbed),
        values: rows(latent.values),
      },
    }),
    gateUp: rows(parts.gateUp),
    logits: rows(parts.logits),
    rope: ropeTables(compute, config, tokens),
  };
}

/** Bytes that {@link createWorkspace} takes. Nothing is kept. @throws TpaError `OUT_OF_MEMORY` */
export function workspaceBytes(
  compute: Compute,
  config: ModelConfig,
  tokens: number,
  cacheDtype: CacheDtype = 'f32',
): number {
  const parts = { ...partsOf(config, tokens), ...latentPartsOf(config, tokens) };
  const regions = [
    compute.scratchBytes(scratchBytes(compute, config, tokens, cacheDtype), config.layers),
    activationBytes(tokens, widestInput(config)),
    ...Object.values(parts).map(([count, stride]) => bytesOf(count * stride)),
    ropeBytes(config.rotaryDim, tokens),
  ];
  return regions.reduce((sum, bytes) => sum + compute.heap.regionBytes(bytes), 0);
}

/** The most numbers of a row that a product takes. */
function widestInput(config: ModelConfig): number {
  const { dim, heads, headDim, hiddenDim, latent } = config;
  const { queryRank = 0, latentDim = 0 } = latent ?? {};
  return Math.max(dim, hiddenDim, headDim, heads * headOutputDim(config), queryRank, latentDim);
}

/** Rows of a part of a workspace, and numbers from one to the next. */
type Part = readonly [count: number, stride: number];

function partsOf(config: ModelConfig, tokens: number) {
  const { dim, heads, hiddenDim, rankQ, vocabSize, latent } = config;
  const spec = attentionSpec(config);
  const { stride } = factorLayout(spec, rankQ);
  const valueDim = Math.max(spec.valueDim, headOutputDim(config));
  return {
    ids: [tokens, 1],
    x: [tokens, padToPanel(dim)],
    normed: [tokens, padToPanel(dim)],
    factors: [tokens, latent === undefined ? stride : padToPanel(latentWidth(latent))],
    attended: [tokens, heads * valueDim],
    gateUp: [tokens, 2 * padToPanel(hiddenDim)],
    logits: [Math.min(tokens, LOGIT_ROWS), padToPanel(vocabSize)],
  } satisfies Record<string, Part>;
}

function latentPartsOf({ heads, headDim, latent }: ModelConfig, tokens: number) {
  if (latent === undefined) return undefined;
  const { latentDim, ropeDim, valueDim } = latent;
  return {
    queries: [tokens, padToPanel(heads * (headDim + ropeDim))],
    absorbed: [tokens, heads * (latentDim + ropeDim) + PANEL],
    values: [tokens, heads * valueDim + PANEL],
  } satisfies Record<keyof LatentSpace, Part>;
}

/**
 * What a step needs; the kernels tell what attention does by the shape of a cache. Codes need more than
 * float32: an image of a page.
 */
function scratchBytes(
  compute: Compute,
  config: ModelConfig,
  tokens: number,
  cacheDtype: CacheDtype,
): ScratchBytes {
  const cache = createLayerCache(compute, attentionSpec(config), {}, cacheDtype);
  try {
    const { perLane, partials } =
      cache.kind === 'state'
        ? { perLane: linearScratch(compute, cache, tokens), partials: 0 }
        : attendScratch(compute, cache, config.rankQ, tokens);
    return { perLane: Math.max(perLane, productScratch(compute)), partials };
  } finally {
    cache.dispose();
  }
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

/** Bytes of what {@link fixedFactors} takes: the tables. */
export function tableBytes({ heap }: Compute, config: ModelConfig): number {
  const positions = tablePositions(config);
  return positions === 0 ? 0 : heap.regionBytes(ropeBytes(config.rotaryDim, positions));
}

/** Positions whose tables attention reads: those of all pages where it rotates keys, else none. */
function tablePositions({ featureFactors, contextLength }: ModelConfig): number {
  if (featureFactors !== 'fixed' && featureFactors !== 'shared') return 0;
  return Math.ceil(contextLength / PAGE_TOKENS) * PAGE_TOKENS;
}
