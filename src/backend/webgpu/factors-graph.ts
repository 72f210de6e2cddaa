import { factorLayout } from '../../attention/factors.ts';
import { type AttentionSpec, logitScale, storedNumbers } from '../../attention/spec.ts';
import type { ModelConfig } from '../../format/model-config.ts';
import type { GraphQueries, Side } from './attention-graph.ts';
import type { GraphBuilder, Size } from './graph-builder.ts';

/** Cosines and sines of n tokens by feature: names of tensors (n, 1, rotaryDim). */
export interface Rotation {
  /** n */
  readonly count: Size;
  readonly cos: string;
  /** The sign of the rotation included: + of the first half, - of the second. */
  readonly sin: string;
  readonly rotaryDim: number;
}

/** Cached pieces of tokens, by name of tensor (n, width); what is not stored is not there. */
export interface Pieces {
  readonly ak?: string;
  readonly bk?: string;
  readonly av?: string;
  readonly bv?: string;
}

/** Weights that stand beside the projection; names of tensors. */
export interface FactorParameters {
  readonly queryNorm?: string;
  readonly keyNorm?: string;
  readonly aq?: string;
  readonly ak?: string;
  readonly av?: string;
  readonly bq?: string;
  readonly bk?: string;
  readonly bv?: string;
}

/** x (n, rows, width), the first rotaryDim features of each row rotated (halves convention). */
export function rotate(
  g: GraphBuilder,
  x: string,
  width: number,
  { cos, sin, rotaryDim }: Rotation,
): string {
  const half = rotaryDim / 2;
  const head = rotaryDim === width ? x : g.slice(x, 2, 0, rotaryDim);
  const swapped = g.concat([g.slice(x, 2, half, rotaryDim), g.slice(x, 2, 0, half)], 2);
  const rotated = g.add(g.multiply(head, cos), g.multiply(swapped, sin));
  return rotaryDim === width ? rotated : g.concat([rotated, g.slice(x, 2, rotaryDim, width)], 2);
}

/** Queries and cached pieces of new tokens from a fused projection (tokens, layout.width). */
export function splitFactors(
  g: GraphBuilder,
  config: ModelConfig,
  spec: AttentionSpec,
  projected: string,
  parameters: FactorParameters,
  rotation: Rotation,
): { queries: GraphQueries; pieces: Pieces } {
  const { heads, headDim, rankK, outerDim = 1, featureFactors } = spec;
  const { rankQ, usesSigmoid, normEps } = config;
  const layout = factorLayout(spec, rankQ);
  const { keyRows, headRows, valueRows } = storedNumbers(spec);
  const part = (from: number, to: number) => g.slice(projected, 1, from, to);
  const sigmoid = (x: string) => (usesSigmoid ? g.node('Sigmoid', [x]) : x);
  const norm = (x: string, weight: string | undefined) =>
    weight === undefined ? x : g.rmsNorm(x, weight, normEps);
  const scale = logitScale(spec, rankQ);

  let queries: GraphQueries;
  if (rankQ === 0) {
    const q = norm(g.reshape(part(0, layout.bq), -1, heads, headDim), parameters.queryNorm);
    queries = { bq: g.scale(rotate(g, q, headDim, rotation), scale), rankQ };
  } else {
    const aq = parameters.aq ?? g.reshape(sigmoid(part(layout.aq, layout.bq)), -1, heads, rankQ);
    const { queryWidth } = layout;
    const rows = () => g.reshape(part(layout.bq, layout.ak), -1, rankQ, queryWidth);
    let bq =
      parameters.bq === undefined
        ? rotate(g, rows(), queryWidth, rotation)
        : rotateParameter(g, parameters.bq, rankQ, headDim, rotation);
    if (featureFactors === 'outer') bq = outerRows(g, bq, rankQ, headDim, outerDim);
    queries = { aq: g.scale(aq, scale), bq, rankQ };
  }

  const bk = () => {
    const rows = norm(
      g.reshape(part(layout.bk, layout.av), -1, rankK, keyRows),
      parameters.keyNorm,
    );
    return g.reshape(rotate(g, rows, keyRows, rotation), -1, rankK * keyRows);
  };
  return {
    queries,
    pieces: {
      ...(headRows > 0 ? { ak: sigmoid(part(layout.ak, layout.bk)) } : {}),
      ...(keyRows > 0 ? { bk: bk() } : {}),
      ...(headRows > 0 ? { av: sigmoid(part(layout.av, layout.bv)) } : {}),
      ...(valueRows > 0 ? { bv: part(layout.bv, layout.width) } : {}),
    },
  };
}

/** What attention reads of tokens: keys and values formed of what is cached or fixed. */
export function formSide(
  g: GraphBuilder,
  spec: AttentionSpec,
  { ak, bk, av, bv }: Pieces,
  parameters: FactorParameters,
  rotation: Rotation | undefined,
): Pick<Side, 'ak' | 'av' | 'keys' | 'values'> {
  const { headDim, valueDim, rankK, rankV, outerDim = 1, featureFactors } = spec;
  const headFactors = {
    ...((parameters.ak ?? ak) ? { ak: parameters.ak ?? ak! } : {}),
    ...((parameters.av ?? av) ? { av: parameters.av ?? av! } : {}),
  };
  const rows = (x: string | undefined, rank: number, width: number) =>
    g.reshape(x!, -1, rank, width);
  switch (featureFactors) {
    case 'fixed':
      return {
        ...headFactors,
        keys: rotateParameter(g, parameters.bk!, rankK, headDim, rotation!),
        values: parameters.bv!,
      };
    case 'shared': {
      const values = rows(bv, rankV, valueDim);
      return { ...headFactors, keys: rotate(g, values, headDim, rotation!), values };
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
  const b = g.reshape(g.slice(x, 2, 0, bDim), -1, rank, bDim, 1);
  const c = g.reshape(g.slice(x, 2, bDim, bDim + outerDim), -1, rank, 1, outerDim);
  return g.reshape(g.multiply(b, c), -1, rank, width);
}

/** (n, rank, width) of a parameter (rank, width), rotated to the position of each token. */
function rotateParameter(
  g: GraphBuilder,
  x: string,
  rank: number,
  width: number,
  rotation: Rotation,
): string {
  const row = g.reshape(x, 1, rank, width);
  const isWhole = rotation.rotaryDim === width;
  return rotate(g, isWhole ? row : g.expand(row, rotation.count, rank, width), width, rotation);
}
