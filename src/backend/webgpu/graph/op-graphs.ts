import { factorLayout } from '../../../compute/project.ts';
import type { AttentionSpec } from '../../../attention/spec.ts';
import { attendGraph } from './attention-graph.ts';
import { formSide, type Pieces, rotate } from './factors-graph.ts';
import { GraphBuilder, type SizeInput, TOKENS } from './graph-builder.ts';
import { cachePieces } from './step-graph.ts';

/** A graph that can be written. */
export interface OpGraphPlan {
  /** What it is, by all that it depends on. */
  readonly key: string;
  build(): OpGraph;
}

/** A graph of one operation. */
export interface OpGraph {
  readonly model: Uint8Array;
  sizes(tokens: number, past: number): readonly SizeInput[];
}

/**
 * Factors of T tokens (paper, eq. 3). Inputs `x` (T, dim); `weight.{i}` (rows, dim), the projections
 * in the order of the layout; `cos`, `sin` (T, pairs), as the step's. Output `rows` (T, layout.width).
 */
export function factorizeGraph(
  spec: AttentionSpec,
  rankQ: number,
  dim: number,
  rotaryDim: number,
): OpGraphPlan {
  const { heads, headDim, rankK, rankV } = spec;
  return {
    key: ['factorize', heads, headDim, rankQ, rankK, rankV, dim, rotaryDim].join('.'),
    build: () => buildFactorize(spec, rankQ, dim, rotaryDim),
  };
}

function buildFactorize(
  spec: AttentionSpec,
  rankQ: number,
  dim: number,
  rotaryDim: number,
): OpGraph {
  const { heads, headDim, rankK } = spec;
  const g = new GraphBuilder();
  const layout = factorLayout(spec, rankQ);
  const pairs = rotaryDim / 2;
  const cos = g.input('cos', ['T', pairs]);
  const sin = g.input('sin', ['T', pairs]);
  const x = g.input('x', ['T', dim]);
  const rotated = (rows: string, rank: number) => {
    const rotation = { count: TOKENS, cos, sin, pairs };
    return g.reshape(rotate(g, rows, rank, headDim, rotation), -1, rank * headDim);
  };
  const { aq, bq, ak, bk, av, bv, width } = layout;
  const bounds = rankQ === 0 ? [aq, ak, bk, av, bv, width] : [aq, bq, ak, bk, av, bv, width];
  const products = bounds.slice(1).map((end, i) => {
    const weight = g.input(`weight.${i}`, [end - bounds[i]!, dim]);
    return g.matmulTransposed(x, weight);
  });
  const query = rankQ === 0 ? 0 : 1;
  const parts = products.map((product, i) => {
    if (i === query) return rotated(product, rankQ === 0 ? heads : rankQ);
    return i === query + 2 ? rotated(product, rankK) : product;
  });
  g.output('rows', g.concat(parts, 1), ['T', width]);
  return {
    model: g.build(),
    sizes: (tokens, past) => g.sizeInputs(tokens, past),
  };
}

/**
 * Attention of T queries over a cache (paper, Algorithms 1-3). Inputs `aq` (T, heads, rankQ) and
 * `bq` (T, rankQ, headDim), or `bq` (T, heads, headDim) alone with rankQ 0; `past.{piece}.0`
 * (P, width); `mask` (T, 1, P), or (T · H / G, P) with K/V heads. Output `out` (T, heads · valueDim).
 */
export function attendOpGraph(spec: AttentionSpec, rankQ: number): OpGraphPlan {
  const { heads, headDim, valueDim, rankK, rankV, headFactors } = spec;
  const form = headFactors === 'groups' ? 'dense' : 'factored';
  return {
    key: ['attend', form, heads, headDim, valueDim, rankQ, rankK, rankV].join('.'),
    build: () => buildAttend(spec, rankQ),
  };
}

function buildAttend(spec: AttentionSpec, rankQ: number): OpGraph {
  const { heads, headDim, valueDim } = spec;
  const g = new GraphBuilder();
  const isDense = spec.headFactors === 'groups';
  const past: Pieces = Object.fromEntries(
    cachePieces(spec).map(({ name, width }) => [name, g.input(`past.${name}.0`, ['P', width])]),
  );
  const query =
    rankQ === 0
      ? { bq: g.input('bq', ['T', heads, headDim]), rankQ }
      : {
          aq: g.input('aq', ['T', heads, rankQ]),
          bq: g.input('bq', ['T', rankQ, headDim]),
          rankQ,
        };
  const side = {
    ...formSide(g, spec, past, {}, undefined),
    mask: g.input('mask', isDense ? ['TR', 'P'] : ['T', 1, 'P']),
    isPast: true,
  };
  g.output('out', attendGraph(g, spec, query, [side]), ['T', heads * valueDim]);
  return {
    model: g.build(),
    sizes: (tokens, past_) => g.sizeInputs(tokens, past_),
  };
}
