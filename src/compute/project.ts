import { type AttentionSpec, storedNumbers } from '../attention/spec.ts';
import { numberAt, rowAt, type Rows, within } from '../layout/numbers.ts';
import { type PackedWeight, padToPanel } from '../layout/packed-weight.ts';
import { piecesOf, rowsAt } from '../layout/pages.ts';
import type { FactorRows, QueryRows } from '../layout/records.ts';
import type { Compute } from './compute.ts';
import { matmul } from './products.ts';
import type { RopeTables } from './rope.ts';
import { addBias, copyRows, outerRows, rmsNorm, sigmoid } from './rows.ts';

/**
 * One fused projection makes all factors of a token: a row of the query's pieces, then of those that
 * are cached in their order (`piecesOf`).
 */
export interface FactorLayout {
  /** Offset of aq (heads, rankQ), or of the full query (heads, headDim). */
  readonly aq: number;
  /** Offset of bq (rankQ, queryWidth). */
  readonly bq: number;
  readonly ak: number;
  readonly bk: number;
  readonly av: number;
  readonly bv: number;
  /** Numbers of a row that mean something. */
  readonly width: number;
  /** Offset of B_Q (rankQ, headDim) where it is no piece but formed after the projection; or 0. */
  readonly formed: number;
  /** Numbers between rows: whole panels, and what is formed. */
  readonly stride: number;
  /** Projected numbers of each B_Q. */
  readonly queryWidth: number;
}

/** What a projection into factors needs to know besides its weight. */
export interface FactorProjection {
  readonly spec: AttentionSpec;
  /** Rank of Q; 0 for a full query. */
  readonly rankQ: number;
  /** (layout.width, dim) */
  readonly weight: PackedWeight;
  /** Address of a vector (layout.width) to add; 0 or none. */
  readonly bias?: number;
  /** Whether A factors pass a sigmoid. */
  readonly usesSigmoid?: boolean;
  /** Addresses of weights (headDim) of the norms of each head's q and k; 0 or none. */
  readonly queryNorm?: number;
  readonly keyNorm?: number;
  /** eps of those norms. */
  readonly normEps?: number;
  /** Address of B_Q (rankQ, headDim) where feature factors are fixed. */
  readonly bq?: number;
}

/** Where the pieces lie. A factor that is a parameter has no piece. */
export function factorLayout(spec: AttentionSpec, rankQ: number): FactorLayout {
  const { heads, headDim, rankV, outerDim = 1, featureFactors } = spec;
  const { headRows, valueRows } = storedNumbers(spec);
  const isFormed = rankQ > 0 && (featureFactors === 'fixed' || featureFactors === 'outer');
  const queryWidth =
    featureFactors === 'fixed'
      ? 0
      : featureFactors === 'outer'
        ? headDim / outerDim + outerDim
        : headDim;
  const bq = rankQ === 0 ? heads * headDim : headRows * rankQ;
  const cached = bq + rankQ * queryWidth;
  const pieces = piecesOf(spec).map(({ from }) => cached + from);
  const [ak, bk, av, bv] = pieces as [number, number, number, number];
  const width = bv + rankV * valueRows;
  const formed = isFormed ? padToPanel(width) : 0;
  const stride = padToPanel(width) + (isFormed ? rankQ * headDim : 0);
  return { aq: 0, bq, ak, bk, av, bv, width, formed, stride, queryWidth };
}

/**
 * Projects x into factors and rotates B_Q (or Q) and B_K (paper, eq. 3 and Section 3.2).
 *
 * @param out address of (count, layout.stride)
 * @param x (count, dim)
 * @param rope tables already filled for these positions
 * @returns where the pieces lie
 */
export function projectFactors(
  compute: Compute,
  out: number,
  x: Rows,
  projection: FactorProjection,
  count: number,
  rope: RopeTables,
): FactorLayout {
  const { spec, rankQ, weight, bias = 0, bq = 0, normEps = 0 } = projection;
  const { heads, headDim, rankK, rankV, outerDim = 1, featureFactors } = spec;
  const layout = factorLayout(spec, rankQ);
  const rows = { at: out, stride: layout.stride };
  const [aq, formed] = [within(rows, layout.aq), within(rows, layout.formed)];
  const [ak, bk, av] = [within(rows, layout.ak), within(rows, layout.bk), within(rows, layout.av)];
  matmul(compute, rows, x, weight, count);
  if (bias !== 0) addBias(compute, rows, bias, count, layout.width);

  if (projection.usesSigmoid) {
    if (rankQ > 0) sigmoid(compute, aq, count, heads * rankQ);
    sigmoid(compute, ak, count, heads * rankK);
    sigmoid(compute, av, count, heads * rankV);
  }
  const norm = (piece: Rows, weights: number | undefined, vectors: number) => {
    if (!weights) return;
    for (let t = 0; t < count; t++) {
      const each = { at: rowAt(piece, t), stride: headDim };
      rmsNorm(compute, each, each, weights, vectors, headDim, normEps);
    }
  };
  norm(aq, projection.queryNorm, heads);
  norm(bk, projection.keyNorm, rankK);

  if (rankQ === 0) {
    rope.rotate(aq, count, heads, headDim);
  } else if (featureFactors === 'fixed') {
    copyRows(compute, formed, { at: bq, stride: 0 }, count, 1, rankQ * headDim, 0, 0);
    rope.rotate(formed, count, rankQ, headDim);
  } else {
    rope.rotate(within(rows, layout.bq), count, rankQ, layout.queryWidth);
  }
  if (featureFactors === 'outer' && rankQ > 0) {
    const from = within(rows, layout.bq);
    outerRows(compute, formed, from, count, rankQ, headDim / outerDim, outerDim);
  }
  const { keyRows } = storedNumbers(spec);
  if (keyRows > 0) rope.rotate(bk, count, rankK, keyRows);
  return layout;
}

/** The K and V pieces of projected rows, as a cache takes them. */
export function cachedRows(spec: AttentionSpec, rows: number, layout: FactorLayout): FactorRows {
  return rowsAt(spec, numberAt(rows, layout.ak), layout.stride);
}

/**
 * The Q pieces of projected rows, as attention takes them.
 *
 * @param aq address of A_Q (heads, rankQ) where it is one parameter for all tokens; or 0
 */
export function queryRows(rows: number, layout: FactorLayout, rankQ: number, aq = 0): QueryRows {
  const { stride, formed } = layout;
  return {
    aq: aq !== 0 ? aq : numberAt(rows, layout.aq),
    aqStride: aq !== 0 ? 0 : stride,
    bq: numberAt(rows, formed === 0 ? layout.bq : formed),
    bqStride: stride,
    rankQ,
  };
}
