import type { FactorRows } from '../cache/pages.ts';
import type { Engine } from '../wasm/engine.ts';
import type { QueryRows } from './attend.ts';
import type { RopeTables } from './rope.ts';
import type { FactorSpec } from './spec.ts';

/** One fused projection makes all factors of a token: a row of these pieces, in this order. */
export interface FactorLayout {
  /** Offset of aq (heads, rankQ), or of the full query (heads, headDim). */
  readonly aq: number;
  /** Offset of bq (rankQ, headDim). */
  readonly bq: number;
  readonly ak: number;
  readonly bk: number;
  readonly av: number;
  readonly bv: number;
  /** Numbers of a row that mean something. */
  readonly width: number;
  /** Numbers between rows: whole panels. */
  readonly stride: number;
}

/** Columns of a panel (assembly/kernels/pack.ts); rows of outputs are padded to it. */
export const PANEL = 48;

/** `n` rounded up to whole panels. */
export function padToPanel(n: number): number {
  return Math.ceil(n / PANEL) * PANEL;
}

/** Bytes of a packed weight (columns, k), in numbers that do not wrap at 4 GiB as a kernel's would. */
export function packedBytes(columns: number, k: number): number {
  return padToPanel(columns) * k * 4;
}

/** Where the pieces lie. */
export function factorLayout(spec: FactorSpec): FactorLayout {
  const { heads, headDim, rankQ, rankK, rankV } = spec;
  const bq = heads * (rankQ > 0 ? rankQ : headDim);
  const ak = bq + rankQ * headDim;
  const bk = ak + heads * rankK;
  const av = bk + rankK * headDim;
  const bv = av + heads * rankV;
  const width = bv + rankV * headDim;
  return { aq: 0, bq, ak, bk, av, bv, width, stride: padToPanel(width) };
}

/**
 * Projects x into factors and rotates B_Q (or Q) and B_K (paper, eq. 3 and Section 3.2).
 *
 * @param out address of (count, layout.stride)
 * @param x address of (count, dim) with row stride ldx
 * @param weight packed (layout.width, dim)
 * @param rope tables already filled for these positions
 */
export function projectFactors(
  engine: Engine,
  out: number,
  x: number,
  weight: number,
  spec: FactorSpec,
  count: number,
  ldx: number,
  rope: RopeTables,
): void {
  const layout = factorLayout(spec);
  const { stride } = layout;
  const { rankQ, rankK, heads, headDim } = spec;
  engine.kernels.matmul(out, x, weight, count, spec.dim, layout.width, stride, ldx, false);
  if (rankQ > 0) rope.rotate(out + layout.bq * 4, count, rankQ, stride, headDim);
  else rope.rotate(out, count, heads, stride, headDim);
  rope.rotate(out + layout.bk * 4, count, rankK, stride, headDim);
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

/** The Q pieces of projected rows, as attention takes them. */
export function queryRows(rows: number, layout: FactorLayout, rankQ: number): QueryRows {
  const { stride } = layout;
  return {
    aq: rows + layout.aq * 4,
    aqStride: stride,
    bq: rows + layout.bq * 4,
    bqStride: stride,
    rankQ,
  };
}
