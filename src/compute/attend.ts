import type { PagedCache } from '../cache/pages.ts';
import type { Engine } from '../wasm/engine.ts';
import { hasDenseKeys, PREFILL_MINIMUM, QUERY_BLOCK } from '../attention/order.ts';
import { logitScale } from '../attention/spec.ts';

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
  { kernels }: Engine,
  { spec, shapeAt }: Pick<PagedCache, 'spec' | 'shapeAt'>,
  rankQ: number,
  count: number,
): number {
  const block = Math.min(count, QUERY_BLOCK);
  const [decode, prefill] =
    spec.headFactors === 'groups'
      ? [kernels.denseDecodeScratch(shapeAt), kernels.densePrefillScratch(shapeAt, block)]
      : [
          kernels.tpaDecodeScratch(shapeAt, rankQ),
          kernels.tpaPrefillScratch(shapeAt, rankQ, block),
        ];
  return HEADER + Math.max(decode >>> 0, prefill >>> 0);
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
  const { heads, valueDim } = cache.spec;
  const run = cache.spec.headFactors === 'groups' ? attendDense : attendFactored;
  for (let done = 0; done < count;) {
    const block = count - done < PREFILL_MINIMUM ? 1 : Math.min(count - done, QUERY_BLOCK);
    const rows = {
      ...queries,
      aq: queries.aq + done * queries.aqStride * 4,
      bq: queries.bq + done * queries.bqStride * 4,
    };
    run(engine, out + done * heads * valueDim * 4, rows, cache, block, position + done, scratch);
    done += block;
  }
}

/** Factors of K and V are contracted, K and V of a head formed where that is cheaper. */
function attendFactored(
  { kernels, heap }: Engine,
  out: number,
  { aq, aqStride, bq, bqStride, rankQ }: QueryRows,
  { spec, pagesAt, shapeAt }: PagedCache,
  count: number,
  position: number,
  scratch: number,
): void {
  const scale = logitScale(spec, rankQ);
  const work = scratch + HEADER;
  if (count === 1) {
    kernels.tpaDecode(
      out,
      aq,
      bq,
      pagesAt,
      shapeAt,
      work,
      rankQ,
      position + 1,
      scale,
      0,
      spec.heads,
    );
  } else {
    heap.words(scratch, 6).set([aq, aqStride, bq, bqStride, rankQ, count]);
    const isDense = hasDenseKeys(spec, rankQ, count, position + count);
    kernels.tpaPrefill(
      out,
      scratch,
      pagesAt,
      shapeAt,
      work,
      position,
      scale,
      isDense,
      0,
      spec.heads,
    );
  }
}

/** K and V heads lie in the cache as they are used: MHA, MQA, GQA, and MLA with its one latent head. */
function attendDense(
  { kernels }: Engine,
  out: number,
  { aq: q, aqStride: qStride }: QueryRows,
  { spec, pagesAt, shapeAt }: PagedCache,
  count: number,
  position: number,
  scratch: number,
): void {
  const { window = 0 } = spec;
  const scale = logitScale(spec, 0);
  const work = scratch + HEADER;
  if (count === 1) {
    const first = window === 0 ? 0 : Math.max(0, position + 1 - window);
    kernels.denseDecode(out, q, pagesAt, shapeAt, work, first, position + 1, scale, 0, spec.rankK);
  } else {
    kernels.densePrefill(
      out,
      q,
      qStride,
      pagesAt,
      shapeAt,
      work,
      position,
      count,
      window,
      scale,
      0,
      spec.rankK,
    );
  }
}
