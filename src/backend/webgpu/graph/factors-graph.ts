import { factorLayout } from '../../../compute/project.ts';
import { type AttentionSpec, storedNumbers } from '../../../attention/spec.ts';
import type { ModelConfig } from '../../../format/config/model-config.ts';
import type { GraphQueries, Side } from './attention-graph.ts';
import type { GraphBuilder, Size } from './graph-builder.ts';
import type { WeightInputs } from './weight-inputs.ts';

/** Cosines and sines of n tokens: names of tensors (n, pairs). */
export interface Rotation {
  /** n */
  readonly count: Size;
  readonly cos: string;
  /** Times minus the direction: the operator rotates as Hugging Face LLaMA does. */
  readonly sin: string;
  readonly pairs: number;
}

/** Cached pieces of tokens, by name of tensor (n, width); what is not stored is not there. */
export interface Pieces {
  readonly ak?: string;
  readonly bk?: string;
  readonly av?: string;
  readonly bv?: string;
}

/** What a step makes of its projection: its queries, and what the cache takes. */
export interface SplitProjection {
  readonly queries: GraphQueries;
  readonly pieces: Pieces;
}

/** x (n, rows · width), in any shape, rotated: (n, rows, width). */
export function rotate(
  g: GraphBuilder,
  x: string,
  rows: number,
  width: number,
  { cos, sin, pairs }: Rotation,
): string {
  return g.reshape(g.rotate(x, rows, width, pairs, cos, sin), -1, rows, width);
}

/**
 * Queries and cached pieces of new tokens from a fused projection (tokens, layout.width).
 *
 * @param w of the layer: norms of q and k, and factors that are parameters
 */
export function splitFactors(
  w: WeightInputs,
  config: ModelConfig,
  spec: AttentionSpec,
  projected: string,
  rotation: Rotation,
): SplitProjection {
  const g = w.graph;
  const { heads, headDim, rankK, outerDim = 1, featureFactors } = spec;
  const { rankQ, usesSigmoid, normEps } = config;
  const parts = splitProjection(g, spec, rankQ, projected);
  const sigmoid = (x: string) => (usesSigmoid ? g.node('Sigmoid', [x]) : x);
  const norm = (x: string, rank: number, width: number, name: string) => {
    const weight = w.get(name);
    return weight === undefined ? x : g.rmsNorm(g.reshape(x, -1, rank, width), weight, normEps);
  };

  let queries: GraphQueries;
  if (rankQ === 0) {
    const q = norm(parts.aq!, heads, headDim, 'query_norm');
    queries = { bq: rotate(g, q, heads, headDim, rotation), rankQ };
  } else {
    const aq = w.get('aq') ?? g.reshape(sigmoid(parts.aq!), -1, heads, rankQ);
    const { queryWidth } = factorLayout(spec, rankQ);
    const fixed = w.get('bq');
    let bq =
      fixed === undefined
        ? rotate(g, parts.bq!, rankQ, queryWidth, rotation)
        : rotateParameter(g, fixed, rankQ, headDim, rotation);
    if (featureFactors === 'outer') bq = outerRows(g, bq, rankQ, headDim, outerDim);
    queries = { aq, bq, rankQ };
  }

  const { keyRows } = storedNumbers(spec);
  const { ak, bk, av, bv } = parts;
  const rotated = (keys: string) => {
    const rows = norm(keys, rankK, keyRows, 'key_norm');
    return g.reshape(rotate(g, rows, rankK, keyRows, rotation), -1, rankK * keyRows);
  };
  return {
    queries,
    pieces: {
      ...(ak === undefined ? {} : { ak: sigmoid(ak) }),
      ...(bk === undefined ? {} : { bk: rotated(bk) }),
      ...(av === undefined ? {} : { av: sigmoid(av) }),
      ...(bv === undefined ? {} : { bv }),
    },
  };
}

/** The pieces of a fused projection (tokens, layout.width); those of no width are not there. */
function splitProjection(
  g: GraphBuilder,
  spec: AttentionSpec,
  rankQ: number,
  projected: string,
): Partial<Record<'aq' | 'bq' | 'ak' | 'bk' | 'av' | 'bv', string>> {
  const { aq, bq, ak, bk, av, bv, width } = factorLayout(spec, rankQ);
  const widths = {
    aq: bq - aq,
    bq: ak - bq,
    ak: bk - ak,
    bk: av - bk,
    av: bv - av,
    bv: width - bv,
  };
  const present = Object.entries(widths).filter(([, size]) => size > 0);
  const parts = g.split(projected, 1, ...present.map(([, size]) => size));
  return Object.fromEntries(present.map(([name], i) => [name, parts[i]!]));
}

/** What attention reads of tokens: keys and values formed of what is cached or fixed. */
export function formSide(
  w: WeightInputs,
  spec: AttentionSpec,
  pieces: Pieces,
  rotation?: Rotation,
): Pick<Side, 'ak' | 'av' | 'keys' | 'values'> {
  const g = w.graph;
  const { bk, bv } = pieces;
  const { headDim, valueDim, rankK, rankV, outerDim = 1, featureFactors } = spec;
  const ak = w.get('ak') ?? pieces.ak;
  const av = w.get('av') ?? pieces.av;
  const headFactors = { ...(ak ? { ak } : {}), ...(av ? { av } : {}) };
  const rows = (x: string | undefined, rank: number, width: number) =>
    g.reshape(x!, -1, rank, width);
  switch (featureFactors) {
    case 'fixed':
      return {
        ...headFactors,
        keys: rotateParameter(g, w.get('bk')!, rankK, headDim, rotation!),
        values: w.get('bv')!,
      };
    case 'shared': {
      const values = rows(bv, rankV, valueDim);
      return { ...headFactors, keys: rotate(g, values, rankK, headDim, rotation!), values };
    }
    case 'outer': {
      const form = (x: string | undefined, rank: number, width: number) =>
        outerRows(g, rows(x, rank, width / outerDim + outerDim), rank, width, outerDim);
      return { ...headFactors, keys: form(bk, rankK, headDim), values: form(bv, rankV, valueDim) };
    }
    case 'latent': {
      const keys = rows(g.concat([bv!, bk!], 1), 1, headDim);
      return { keys, values: rows(bv, 1, valueDim) };
    }
    default:
      return { ...headFactors, keys: rows(bk, rankK, headDim), values: rows(bv, rankV, valueDim) };
  }
}

/** b ⊗ c (n, rank, width) of rows b followed by c (paper, Appendix C). */
function outerRows(
  g: GraphBuilder,
  x: string,
  rank: number,
  width: number,
  outerDim: number,
): string {
  const bDim = width / outerDim;
  const [b, c] = g.split(x, 2, bDim, outerDim);
  const columns = g.reshape(b!, -1, rank, bDim, 1);
  const rows = g.reshape(c!, -1, rank, 1, outerDim);
  return g.reshape(g.multiply(columns, rows), -1, rank, width);
}

/** (n, rank, width) of a parameter (rank, width), rotated to the position of each token. */
function rotateParameter(
  g: GraphBuilder,
  x: string,
  rank: number,
  width: number,
  rotation: Rotation,
): string {
  const rows = g.expand(g.reshape(x, 1, rank, width), rotation.count, rank, width);
  return rotate(g, rows, rank, width, rotation);
}
