import type { LinearState } from '../cache/linear-state.ts';
import type { FactorRows } from '../cache/pages.ts';
import type { Engine } from '../wasm/engine.ts';
import type { QueryRows } from './attend.ts';
import { QUERY_BLOCK } from '../attention/order.ts';
import type { AttentionSpec } from '../attention/spec.ts';

/** Bytes at the start of the scratch: the kernels' QueryRows, then their FactorRows. */
const HEADER = 64;
const ROWS_AT = 32;

/** Bytes of scratch that {@link attendLinear} needs for `count` queries at once. */
export function linearScratch(
  { kernels }: Engine,
  { shapeAt }: Pick<LinearState, 'shapeAt'>,
  count: number,
): number {
  return HEADER + (kernels.linearScratch(shapeAt, Math.min(count, QUERY_BLOCK)) >>> 0);
}

/**
 * Linear attention of `count` tokens after those of the state: y_t = Σ_{m ≤ t} (q_t · k_m) v_m.
 * The next state is left in the room that the state has reserved.
 *
 * @param out address of (count, heads, valueDim)
 * @param count 1 … 48
 */
export function attendLinear(
  { kernels, heap }: Engine,
  out: number,
  { aq, aqStride, bq, bqStride, rankQ }: QueryRows,
  { ak, akStride, bk, bkStride, av, avStride, bv, bvStride }: FactorRows,
  state: LinearState,
  count: number,
  scratch: number,
): void {
  heap.words(scratch, 6).set([aq, aqStride, bq, bqStride, rankQ, count]);
  const rows = [ak, akStride, bk, bkStride, av, avStride, bv, bvStride];
  heap.words(scratch + ROWS_AT, 8).set(rows);
  const { shapeAt, stateAt, nextAt } = state;
  const work = scratch + HEADER;
  const scale = linearScale(state.spec, rankQ);
  kernels.linearAttend(
    out,
    scratch,
    scratch + ROWS_AT,
    shapeAt,
    stateAt,
    nextAt,
    work,
    scale,
    0,
    state.spec.heads,
  );
}

/** Q, K and V are divided by their ranks; nothing else is scaled (upstream code). */
function linearScale({ headFactors, rankK, rankV }: AttentionSpec, rankQ: number): number {
  return headFactors === 'groups' ? 1 : 1 / (Math.max(rankQ, 1) * rankK * rankV);
}
