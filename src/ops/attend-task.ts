import type { PagedCache } from '../cache/pages.ts';
import type { Compute } from '../compute/compute.ts';
import {
  checkFloats,
  checkInteger,
  checkObject,
  checkRule,
  countTokens,
} from '../base/arguments.ts';
import { MAX_RANK } from '../attention/check-spec.ts';
import { attend, attendScratch } from '../compute/attend.ts';
import { QUERY_BLOCK } from '../compute/order.ts';
import { bytesOf } from '../layout/numbers.ts';
import type { AttendTask } from '../backend/op-gpu.ts';

/** T queries: low-rank factors, or full vectors in `q`, which wins if both are there. */
export type Query =
  | {
      /** (T, heads, rankQ) */
      readonly aq: Float32Array;
      /** (T, rankQ, headDim), rotated */
      readonly bq: Float32Array;
      /** Pairs of factors of a query. */
      readonly rankQ: number;
      /** Absent. */
      readonly q?: undefined;
    }
  | {
      /** (T, heads, headDim), rotated */
      readonly q: Float32Array;
    };

/** @throws TypeError, RangeError if an argument does not fit */
export function checkQuery(
  query: Query,
  { spec, length }: Pick<PagedCache, 'spec' | 'length'>,
): AttendTask {
  const { heads, headDim } = spec;
  checkObject('query', query);
  const isFull = query.q !== undefined;
  if (!isFull && spec.headFactors === 'groups') {
    throw new TypeError('"q" expected the queries of a cache with kvHeads, got factors');
  }
  const rankQ = isFull ? 0 : checkInteger('rankQ', query.rankQ, 1, MAX_RANK);
  const a = isFull ? query.q : query.aq;
  const width = heads * (isFull ? headDim : rankQ);
  const name = isFull ? 'q' : 'aq';
  const count = countTokens(name, a, width);
  checkFloats(name, a, count * width);
  const b = isFull ? new Float32Array(0) : checkFloats('bq', query.bq, count * rankQ * headDim);
  checkRule(name, count <= length, `at most ${length} queries, the cache's length`, count);
  return { spec, rankQ, a, b, count, length };
}

/**
 * Attention of T queries over a cache (paper, Algorithms 1-3): query t sits at position
 * length - T + t and sees the tokens up to its own.
 *
 * @returns (T, heads, valueDim), a fresh array
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function attendQueries(compute: Compute, task: AttendTask, pages: PagedCache): Float32Array {
  const { heap } = compute;
  const { a, b, rankQ, count, spec, length } = task;
  const { heads, headDim, valueDim } = spec;
  const outLength = count * heads * valueDim;
  const blocks = Math.ceil(count / QUERY_BLOCK);
  const region = heap.allocate(bytesOf(a.length + b.length + outLength));
  let release: (() => void) | undefined;
  try {
    // last: as many threads as the memory has room for
    release = compute.takeScratch(attendScratch(compute, pages, rankQ, count), blocks);
    const aq = region;
    const bq = aq + a.byteLength;
    const out = bq + b.byteLength;
    heap.floats(aq, a.length).set(a);
    heap.floats(bq, b.length).set(b);
    const aqStride = a.length / count;
    const queries = { aq, aqStride, bq, bqStride: rankQ * headDim, rankQ };
    compute.run(() => attend(compute, out, queries, pages, count, length - count));
    return heap.floats(out, outLength).slice();
  } finally {
    release?.();
    heap.release(region);
  }
}
