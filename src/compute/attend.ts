import { type AttentionSpec, logitScale } from '../attention/spec.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import { type QueryRows, writeQueries } from '../layout/records.ts';
import { COUNT, FIRST } from '../threads/operations.ts';
import type { Compute } from './compute.ts';
import { hasDenseKeys, PREFILL_MINIMUM, QUERY_BLOCK } from './order.ts';

/** A cache as the kernels see it: addresses of its CacheShape and of its page table. */
export interface CacheView {
  readonly spec: AttentionSpec;
  readonly shapeAt: number;
  readonly pagesAt: number;
}

/** Bytes of scratch that {@link attend} needs for `count` queries at once. */
export function attendScratch(
  { kernels }: Compute,
  { spec, shapeAt }: Pick<CacheView, 'spec' | 'shapeAt'>,
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
  return Math.max(decode >>> 0, prefill >>> 0);
}

/**
 * Attention of `count` queries at positions `position …` over the cache, causal. The cache holds
 * at least position + count tokens, committed or just written.
 *
 * @param compute has taken {@link attendScratch} bytes of scratch
 * @param out address of (count, heads, valueDim)
 */
export function attend(
  compute: Compute,
  out: number,
  queries: QueryRows,
  cache: CacheView,
  count: number,
  position: number,
): void {
  const { heads, valueDim } = cache.spec;
  const run = cache.spec.headFactors === 'groups' ? attendDense : attendFactored;
  for (let done = 0; done < count;) {
    const block = count - done < PREFILL_MINIMUM ? 1 : Math.min(count - done, QUERY_BLOCK);
    const rows = {
      ...queries,
      aq: numberAt(queries.aq, done * queries.aqStride),
      bq: numberAt(queries.bq, done * queries.bqStride),
    };
    run(compute, out + bytesOf(done * heads * valueDim), rows, cache, block, position + done);
    done += block;
  }
}

/** Factors of K and V are contracted, K and V of a head formed where that is cheaper. By heads. */
function attendFactored(
  compute: Compute,
  out: number,
  queries: QueryRows,
  { spec, pagesAt, shapeAt }: CacheView,
  count: number,
  position: number,
): void {
  const { aq, bq, rankQ } = queries;
  const { heads, headDim, valueDim, rankK, rankV } = spec;
  const { scratch } = compute;
  const scale = logitScale(spec, rankQ);
  const length = position + count;
  if (count === 1) {
    // per token: logits and the sum of B_V for each head, and what all heads share
    const logits = (rankQ * rankK * headDim) / heads + rankQ * rankK + rankK;
    const cost = length * (logits + rankV * valueDim);
    // prettier-ignore
    compute.split(
      heads, cost, 'tpaDecode',
      out, aq, bq, pagesAt, shapeAt, scratch, rankQ, length, scale, FIRST, COUNT,
    );
  } else {
    const { queriesAt } = compute.nextRecords();
    writeQueries(compute.heap, queriesAt, queries, count);
    const isDense = hasDenseKeys(spec, rankQ, count, length);
    // prettier-ignore
    compute.split(
      heads, count * length * (headDim + valueDim), 'tpaPrefill',
      out, queriesAt, pagesAt, shapeAt, scratch, position, scale, isDense, FIRST, COUNT,
    );
  }
}

/**
 * K and V heads lie in the cache as they are used: MHA, MQA, GQA, and MLA with its one latent head.
 * By K/V heads.
 */
function attendDense(
  compute: Compute,
  out: number,
  { aq: q, aqStride: ldq }: QueryRows,
  { spec, pagesAt, shapeAt }: CacheView,
  count: number,
  position: number,
): void {
  const { heads, headDim, valueDim, rankK, window = 0 } = spec;
  const { scratch } = compute;
  const scale = logitScale(spec, 0);
  const length = position + count;
  const first = window === 0 ? 0 : Math.max(0, length - window);
  const cost = count * (length - first) * (headDim + valueDim) * (heads / rankK);
  if (count === 1) {
    // prettier-ignore
    compute.split(
      rankK, cost, 'denseDecode',
      out, q, pagesAt, shapeAt, scratch, first, length, scale, FIRST, COUNT,
    );
  } else {
    // prettier-ignore
    compute.split(
      rankK, cost, 'densePrefill',
      out, q, ldq, pagesAt, shapeAt, scratch, position, count, window, scale, FIRST, COUNT,
    );
  }
}
