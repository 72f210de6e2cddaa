import type { AttentionSpec } from '../attention/spec.ts';
import { type FactorRows, type QueryRows, writeFactors, writeQueries } from '../layout/records.ts';
import type { CacheView } from './attend.ts';
import { COUNT, FIRST } from '../threads/operations.ts';
import type { Compute } from './compute.ts';
import { QUERY_BLOCK } from './order.ts';

/**
 * A state of linear attention as the kernels see it: addresses of its CacheShape, of the present
 * state, 0 before the first token, and of the next.
 */
export interface StateView extends Pick<CacheView, 'spec' | 'shapeAt'> {
  readonly stateAt: number;
  readonly nextAt: number;
}

/** Bytes of scratch that {@link attendLinear} needs for `count` queries at once. */
export function linearScratch(
  { kernels }: Compute,
  { shapeAt }: Pick<StateView, 'shapeAt'>,
  count: number,
): number {
  return kernels.linearScratch(shapeAt, Math.min(count, QUERY_BLOCK)) >>> 0;
}

/**
 * Linear attention of `count` tokens after those of the state: y_t = Σ_{m ≤ t} (q_t · k_m) v_m, by
 * heads. The next state is left in the room that the state has reserved.
 *
 * @param compute has taken {@link linearScratch} bytes of scratch
 * @param out address of (count, heads, valueDim)
 * @param count 1 … 48
 */
export function attendLinear(
  compute: Compute,
  out: number,
  queries: QueryRows,
  factors: FactorRows,
  { spec, shapeAt, stateAt, nextAt }: StateView,
  count: number,
): void {
  const { heap, scratch } = compute;
  const { queriesAt, factorsAt } = compute.nextRecords();
  writeQueries(heap, queriesAt, queries, count);
  writeFactors(heap, factorsAt, factors);
  const scale = linearScale(spec, queries.rankQ);
  const { heads, headDim, valueDim } = spec;
  const cost = count * (count + headDim) * valueDim;
  // prettier-ignore
  compute.split(
    heads, cost, 'linearAttend',
    out, queriesAt, factorsAt, shapeAt, stateAt, nextAt, scratch, scale, FIRST, COUNT,
  );
}

/** Q, K and V are divided by their ranks; nothing else is scaled (upstream code). */
function linearScale({ headFactors, rankK, rankV }: AttentionSpec, rankQ: number): number {
  return headFactors === 'groups' ? 1 : 1 / (Math.max(rankQ, 1) * rankK * rankV);
}
