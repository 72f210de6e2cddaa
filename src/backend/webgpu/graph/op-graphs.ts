import { factorLayout } from '../../../compute/project.ts';
import type { AttentionSpec } from '../../../attention/spec.ts';
import { attendGraph } from './attention-graph.ts';
import { formSide, rotate } from './factors-graph.ts';
import { type BuiltGraph, GraphBuilder, TOKENS } from './graph-builder.ts';
import { pastInputs } from './step-graph.ts';
import { WeightInputs } from './weight-inputs.ts';

/** The graph of an operation, yet to be written. */
export interface OpGraphPlan {
  /** What it is, by all that it depends on. */
  readonly key: string;
  build(): BuiltGraph;
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
  const build = () => {
    const g = new GraphBuilder();
    const pairs = rotaryDim / 2;
    const cos = g.input('cos', ['T', pairs]);
    const sin = g.input('sin', ['T', pairs]);
    const x = g.input('x', ['T', dim]);
    const rotated = (rows: string, rank: number) => {
      const rotation = { count: TOKENS, cos, sin, pairs };
      return g.reshape(rotate(g, rows, rank, headDim, rotation), -1, rank * headDim);
    };
    const { aq, bq, ak, bk, av, bv, width } = factorLayout(spec, rankQ);
    const bounds = rankQ === 0 ? [aq, ak, bk, av, bv, width] : [aq, bq, ak, bk, av, bv, width];
    const query = rankQ === 0 ? 0 : 1;
    const parts = bounds.slice(1).map((end, i) => {
      const weight = g.input(`weight.${i}`, [end - bounds[i]!, dim]);
      const product = g.matmulTransposed(x, weight);
      if (i === query) return rotated(product, rankQ === 0 ? heads : rankQ);
      return i === query + 2 ? rotated(product, rankK) : product;
    });
    g.output('rows', g.concat(parts, 1), ['T', width]);
    return g.build();
  };
  const key = ['factorize', heads, headDim, rankQ, rankK, rankV, dim, rotaryDim].join('.');
  return { key, build };
}

/**
 * Attention of T queries over a cache (paper, Algorithms 1-3). Inputs `aq` (T, heads, rankQ) and
 * `bq` (T, rankQ, headDim), or `bq` (T, heads, headDim) alone with rankQ 0; `past.{piece}.0`
 * (P, width); `mask` (T, 1, P), or (T · H / G, P) with K/V heads. Output `out` (T, heads · valueDim).
 */
export function attendOpGraph(spec: AttentionSpec, rankQ: number): OpGraphPlan {
  const { heads, headDim, valueDim, rankK, rankV } = spec;
  const isDense = spec.headFactors === 'groups';
  const build = () => {
    const g = new GraphBuilder();
    const noWeights = new WeightInputs(g, [], false);
    const side = {
      ...formSide(noWeights, spec, pastInputs(g, spec, 0)),
      mask: g.input('mask', isDense ? ['TR', 'P'] : ['T', 1, 'P']),
      isPast: true,
    };
    const query = {
      ...(rankQ === 0 ? {} : { aq: g.input('aq', ['T', heads, rankQ]) }),
      bq: g.input('bq', ['T', rankQ === 0 ? heads : rankQ, headDim]),
      rankQ,
    };
    g.output('out', attendGraph(g, spec, query, [side]), ['T', heads * valueDim]);
    return g.build();
  };
  const form = isDense ? 'dense' : 'factored';
  const key = ['attend', form, heads, headDim, valueDim, rankQ, rankK, rankV].join('.');
  return { key, build };
}
