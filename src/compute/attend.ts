import { type AttentionSpec, logitScale } from '../attention/spec.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import { type QueryRows, writeQueries } from '../layout/records.ts';
import { COUNT, FIRST } from '../threads/operations.ts';
import type { Compute } from './compute.ts';
import type { ScratchBytes } from './scratch.ts';
import { hasDenseKeys, PREFILL_MINIMUM, QUERY_BLOCK } from './order.ts';

/** A cache as the kernels see it: addresses of its CacheShape and of its page table. */
export interface CacheView {
  readonly spec: AttentionSpec;
  readonly shapeAt: number;
  readonly pagesAt: number;
}

/** Rows of a dense block that a range has at least: fewer read the keys of a group in vain. */
const ROWS = 16;
/** Queries of a factored block that a range has at least: each range forms the values of a page. */
const QUERIES = 12;

/** Bytes that {@link attend} needs for `count` queries at once. */
export function attendScratch(
  { kernels }: Compute,
  { spec, shapeAt }: Pick<CacheView, 'spec' | 'shapeAt'>,
  rankQ: number,
  count: number,
): ScratchBytes {
  const block = Math.min(count, QUERY_BLOCK);
  const [decode, prefill] =
    spec.headFactors === 'groups'
      ? [kernels.denseDecodeScratch(shapeAt), kernels.densePrefillScratch(shapeAt, block)]
      : [
          kernels.tpaDecodeScratch(shapeAt, rankQ),
          kernels.tpaPrefillScratch(shapeAt, rankQ, block),
        ];
  const perLane = Math.max(decode >>> 0, prefill >>> 0);
  return { perLane, partials: kernels.partialsBytes(shapeAt) >>> 0 };
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

/**
 * Factors of K and V are contracted, K and V of a head formed where that is cheaper. A block by
 * heads where keys are formed, else by queries: the heads share what is contracted first.
 */
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
  // per query and token: what all heads share, then logits and the sum of B_V for each
  const ranks = Math.max(rankQ, 1) * rankK;
  const logits = rankQ === 0 ? heads * rankK * headDim : ranks * (headDim + heads);
  if (count === 1) {
    const { spans, parts, first, units } = decodeParts(compute, heads, 0, length);
    const cost = (length * (logits + heads * rankV * valueDim)) / parts;
    const partials = compute.partialsAt;
    // prettier-ignore
    compute.split(
      parts, cost, 'tpaDecode',
      out, partials, aq, bq, pagesAt, shapeAt, scratch, rankQ, length, scale, first, units,
    );
    mergeSpans(compute, out, shapeAt, spec, spans, rankV);
    return;
  }
  const { queriesAt } = compute.nextRecords();
  writeQueries(compute.heap, queriesAt, queries, count);
  const isDense = hasDenseKeys(spec, rankQ, count, length);
  const size = isDense ? 1 : QUERIES;
  const cost = isDense
    ? count * length * (headDim + valueDim)
    : size * length * (logits + heads * valueDim);
  // prettier-ignore
  compute.split(
    Math.ceil((isDense ? heads : count) / size), cost, 'tpaPrefill',
    out, queriesAt, pagesAt, shapeAt, scratch, position, scale, isDense,
    { at: 0, perFirst: size }, { at: 0, perCount: size },
  );
}

/**
 * K and V heads lie in the cache as they are used: MHA, MQA, GQA, and MLA with its one latent head.
 * A block by queries of a head.
 */
function attendDense(
  compute: Compute,
  out: number,
  { aq: q, aqStride: ldq }: QueryRows,
  { spec, pagesAt, shapeAt }: CacheView,
  count: number,
  position: number,
): void {
  const { heads, headDim, valueDim, window = 0 } = spec;
  const { scratch } = compute;
  const scale = logitScale(spec, 0);
  const length = position + count;
  const from = window === 0 ? 0 : Math.max(0, length - window);
  const rowCost = (length - from) * (headDim + valueDim);
  if (count === 1) {
    const { spans, parts, first, units } = decodeParts(compute, heads, from, length);
    const partials = compute.partialsAt;
    // prettier-ignore
    compute.split(
      parts, (heads * rowCost) / parts, 'denseDecode',
      out, partials, q, pagesAt, shapeAt, scratch, from, length, scale, first, units,
    );
    mergeSpans(compute, out, shapeAt, spec, spans, 1);
    return;
  }
  // prettier-ignore
  compute.split(
    Math.ceil((heads * count) / ROWS), ROWS * rowCost, 'densePrefill',
    out, q, ldq, pagesAt, shapeAt, scratch, position, count, window, scale,
    { at: 0, perFirst: ROWS }, { at: 0, perCount: ROWS },
  );
}

/** A decode goes by spans of tokens with all heads, by two halves of the heads where there is one span. */
function decodeParts(compute: Compute, heads: number, from: number, length: number) {
  const spans = compute.kernels.decodeSpans(from, length);
  const size = spans > 1 ? heads : 2 * Math.ceil(heads / 4);
  const [first, units] = [
    { at: 0, perFirst: size },
    { at: 0, perCount: size },
  ];
  return { spans, parts: Math.ceil((spans * heads) / size), first, units };
}

/** What the spans of a decode came to, by heads. */
function mergeSpans(
  compute: Compute,
  out: number,
  shapeAt: number,
  { heads, valueDim }: AttentionSpec,
  spans: number,
  ranks: number,
): void {
  if (spans === 1) return;
  // prettier-ignore
  compute.split(
    heads, spans * valueDim, 'mergeSpans',
    out, compute.partialsAt, shapeAt, spans, ranks, FIRST, COUNT,
  );
}
