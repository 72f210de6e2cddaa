import type { PagedCache } from '../cache/pages.ts';
import type { Engine } from '../wasm/engine.ts';
import { hasDenseKeys, PREFILL_MINIMUM, QUERY_BLOCK } from './order.ts';
import { logitScale } from './spec.ts';

/** Queries in memory: addresses, and numbers between tokens. */
export interface QueryRows {
  /** (heads, rankQ) of each token; with rankQ 0 the full query (heads, headDim) */
  readonly aq: number;
  readonly aqStride: number;
  /** (rankQ, headDim) of each token */
  readonly bq: number;
  readonly bqStride: number;
  readonly rankQ: number;
}

/** Bytes at the start of the scratch for the kernels' QueryRows. */
const HEADER = 64;

/** Bytes of scratch that {@link attend} needs for `count` queries at once. */
export function attendScratch(
  engine: Engine,
  shapeAt: number,
  rankQ: number,
  count: number,
): number {
  const { kernels } = engine;
  const block = Math.min(count, QUERY_BLOCK);
  return (
    HEADER +
    Math.max(
      kernels.tpaDecodeScratch(shapeAt, rankQ) >>> 0,
      kernels.tpaPrefillScratch(shapeAt, rankQ, block) >>> 0,
    )
  );
}

/**
 * Attention of `count` queries at positions `position …` over the cache, causal. The cache holds
 * at least position + count tokens, committed or just written.
 *
 * @param out address of (count, heads, valueDim)
 */
export function attend(
  engine: Engine,
  out: number,
  queries: QueryRows,
  cache: PagedCache,
  count: number,
  position: number,
  scratch: number,
): void {
  const { kernels, heap } = engine;
  const { heads, valueDim } = cache.spec;
  const { aq, aqStride, bq, bqStride, rankQ } = queries;
  const { pagesAt, shapeAt } = cache;
  const scale = logitScale(cache.spec, rankQ);
  const work = scratch + HEADER;
  for (let done = 0; done < count;) {
    const block = count - done < PREFILL_MINIMUM ? 1 : Math.min(count - done, QUERY_BLOCK);
    const a = aq + done * aqStride * 4;
    const b = bq + done * bqStride * 4;
    const to = out + done * heads * valueDim * 4;
    const first = position + done;
    if (block === 1) {
      kernels.tpaDecode(to, a, b, pagesAt, shapeAt, work, rankQ, first + 1, scale);
    } else {
      heap.words(scratch, 6).set([a, aqStride, b, bqStride, rankQ, block]);
      const isDense = hasDenseKeys(cache.spec, rankQ, block, first + block);
      kernels.tpaPrefill(to, scratch, pagesAt, shapeAt, work, first, scale, isDense);
    }
    done += block;
  }
}
