import type { FactorRows } from '../cache/pages.ts';
import type { Engine } from '../wasm/engine.ts';
import type { QueryRows } from './attend.ts';
import type { RopeTables } from './rope.ts';
import { type AttentionSpec, storedNumbers } from '../attention/spec.ts';

/** One fused projection makes all factors of a token: a row of these pieces, in this order. */
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
  /** Width of the input x. */
  readonly dim: number;
  /** Address of the packed weight (layout.width, dim). */
  readonly weight: number;
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

/** Tokens of a tile and of a page of the cache (assembly/layout/pages.ts). */
export const TILE = 48;
export const PAGE_TOKENS = 96;

/** Columns of a panel (assembly/layout/panels.ts); rows of outputs are padded to it. */
export const PANEL = 48;

/** `n` rounded up to whole panels. */
export function padToPanel(n: number): number {
  return Math.ceil(n / PANEL) * PANEL;
}

/** Bytes of a packed weight (columns, k), in numbers that do not wrap at 4 GiB as a kernel's would. */
export function packedBytes(columns: number, k: number): number {
  return padToPanel(columns) * k * 4;
}

/** Bytes in front of input i of the panel that column `column` of a packed weight is in. */
export function panelOffset(column: number, i: number, k: number): number {
  return (Math.floor(column / PANEL) * k + i) * PANEL * 4;
}

/** Where the pieces lie. A factor that is a parameter has no piece. */
export function factorLayout(spec: AttentionSpec, rankQ: number): FactorLayout {
  const { heads, headDim, rankK, rankV, outerDim = 1, featureFactors } = spec;
  const { keyRows, headRows, valueRows } = storedNumbers(spec);
  const isFormed = rankQ > 0 && (featureFactors === 'fixed' || featureFactors === 'outer');
  const queryWidth =
    featureFactors === 'fixed'
      ? 0
      : featureFactors === 'outer'
        ? headDim / outerDim + outerDim
        : headDim;
  const bq = rankQ === 0 ? heads * headDim : headRows * rankQ;
  const ak = bq + rankQ * queryWidth;
  const bk = ak + headRows * rankK;
  const av = bk + rankK * keyRows;
  const bv = av + headRows * rankV;
  const width = bv + rankV * valueRows;
  const formed = isFormed ? padToPanel(width) : 0;
  const stride = padToPanel(width) + (isFormed ? rankQ * headDim : 0);
  return { aq: 0, bq, ak, bk, av, bv, width, formed, stride, queryWidth };
}

/**
 * Projects x into factors and rotates B_Q (or Q) and B_K (paper, eq. 3 and Section 3.2).
 *
 * @param out address of (count, layout.stride)
 * @param x address of (count, dim) with row stride ldx
 * @param rope tables already filled for these positions
 */
export function projectFactors(
  { kernels }: Engine,
  out: number,
  x: number,
  projection: FactorProjection,
  count: number,
  ldx: number,
  rope: RopeTables,
): void {
  const { spec, rankQ, dim, weight, bias = 0, bq = 0, normEps = 0 } = projection;
  const { heads, headDim, rankK, rankV, outerDim = 1, featureFactors } = spec;
  const layout = factorLayout(spec, rankQ);
  const { stride, width, formed, queryWidth } = layout;
  const at = (offset: number) => out + offset * 4;
  kernels.matmul(
    out,
    x,
    weight,
    count,
    dim,
    width,
    stride,
    ldx,
    false,
    0,
    padToPanel(width) / PANEL,
  );
  if (bias !== 0) kernels.addBias(out, bias, count, width, stride);

  if (projection.usesSigmoid) {
    if (rankQ > 0) kernels.sigmoid(at(layout.aq), count, heads * rankQ, stride);
    kernels.sigmoid(at(layout.ak), count, heads * rankK, stride);
    kernels.sigmoid(at(layout.av), count, heads * rankV, stride);
  }
  const norm = (offset: number, weights: number | undefined, rows: number) => {
    if (!weights) return;
    for (let t = 0; t < count; t++) {
      const row = at(offset + t * stride);
      kernels.rmsNorm(row, row, weights, rows, headDim, headDim, headDim, normEps);
    }
  };
  norm(layout.aq, projection.queryNorm, heads);
  norm(layout.bk, projection.keyNorm, rankK);

  if (rankQ === 0) {
    rope.rotate(at(layout.aq), count, heads, stride, headDim);
  } else if (featureFactors === 'fixed') {
    kernels.copyRows(at(formed), bq, count, 1, rankQ * headDim, 0, stride, 0, 0);
    rope.rotate(at(formed), count, rankQ, stride, headDim);
  } else {
    rope.rotate(at(layout.bq), count, rankQ, stride, queryWidth);
  }
  if (featureFactors === 'outer' && rankQ > 0) {
    const bDim = headDim / outerDim;
    kernels.outerRows(at(formed), at(layout.bq), count, rankQ, bDim, outerDim, stride, stride);
  }
  const { keyRows } = storedNumbers(spec);
  if (keyRows > 0) rope.rotate(at(layout.bk), count, rankK, stride, keyRows);
}

/** The K and V pieces of projected rows, as a cache takes them. */
export function cachedRows(rows: number, layout: FactorLayout): FactorRows {
  const at = (offset: number) => rows + offset * 4;
  const { stride } = layout;
  return {
    ak: at(layout.ak),
    akStride: stride,
    bk: at(layout.bk),
    bkStride: stride,
    av: at(layout.av),
    avStride: stride,
    bv: at(layout.bv),
    bvStride: stride,
  };
}

/**
 * The Q pieces of projected rows, as attention takes them.
 *
 * @param aq address of A_Q (heads, rankQ) where it is one parameter for all tokens; or 0
 */
export function queryRows(rows: number, layout: FactorLayout, rankQ: number, aq = 0): QueryRows {
  const { stride, formed } = layout;
  return {
    aq: aq !== 0 ? aq : rows + layout.aq * 4,
    aqStride: aq !== 0 ? 0 : stride,
    bq: rows + (formed === 0 ? layout.bq : formed) * 4,
    bqStride: stride,
    rankQ,
  };
}
