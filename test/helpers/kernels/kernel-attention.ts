import type { attentionInputs } from './attention-shape.ts';
import { type KernelBench, rangesOf, WHOLE, withStride } from './kernel-bench.ts';
import type { GuardedMemory, Misalignment, Region } from './memory.ts';

export const PAGE_TOKENS = 96;

/** Sizes of a cache in the order of the kernels' CacheShape. */
export interface CacheSizes {
  heads: number;
  headDim: number;
  valueDim: number;
  rankK: number;
  rankV: number;
}

type Inputs = ReturnType<typeof attentionInputs>;

/** A cache in guarded memory, laid out by hand: what PagedCache does, without PagedCache. */
export interface PagesInMemory {
  readonly shapeAt: number;
  readonly pagesAt: number;
  readonly pages: readonly Region[];
}

/** Numbers of one page, from the comment of assembly/layout/pages.ts. */
export function pageNumbers({ heads, headDim, valueDim, rankK, rankV }: CacheSizes): number {
  const valueStride = Math.ceil(valueDim / 4) * 4;
  return PAGE_TOKENS * (rankK * (headDim + heads) + rankV * (heads + valueStride));
}

/** Regions for a shape, a page table and as many pages as `tokens` need: full of NaN, last first. */
export function createPages(
  guarded: GuardedMemory,
  sizes: CacheSizes,
  tokens: number,
  misalignment: Misalignment = 0,
): PagesInMemory {
  const { heads, headDim, valueDim, rankK, rankV } = sizes;
  const shape = Int32Array.of(
    heads,
    headDim,
    valueDim,
    rankK,
    rankV,
    headDim,
    heads,
    valueDim,
    ...Array.from({ length: 10 }, () => 0), // form: all stored; nothing fixed
  );
  const shapeAt = guarded.regionOf('shape', shape, misalignment).pointer;
  const count = Math.ceil(tokens / PAGE_TOKENS);
  const pages = Array.from({ length: count }, (_, i) =>
    guarded.region(`page ${count - 1 - i}`, pageNumbers(sizes), misalignment),
  ).toReversed();
  const table = Int32Array.from(pages, (page) => page.pointer);
  return { shapeAt, pagesAt: guarded.regionOf('table', table, misalignment).pointer, pages };
}

/** Appends tokens from … to of the factors, each array with a gap of NaN between its tokens. */
export function appendTo(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  { pagesAt, shapeAt }: PagesInMemory,
  sizes: CacheSizes,
  cache: Inputs['cache'],
  from: number,
  to: number,
  misalignment: Misalignment = 0,
): void {
  const { heads, headDim, valueDim, rankK, rankV } = sizes;
  const rows = (
    [
      [cache.ak, heads * rankK, 1],
      [cache.bk, rankK * headDim, 2],
      [cache.av, heads * rankV, 3],
      [cache.bv, rankV * valueDim, 5],
    ] as const
  ).flatMap(([x, width, gap]) => {
    const strided = withStride(x.subarray(from * width, to * width), width, width + gap);
    return [guarded.regionOf('factors', strided, misalignment).pointer, width + gap];
  });
  const rowsAt = guarded.regionOf('rows', Int32Array.from(rows)).pointer;
  kernels.appendFactors(pagesAt, shapeAt, from, to - from, rowsAt);
}

/** A query in memory: widths, strides and addresses. */
export interface QueryInMemory {
  readonly aq: number;
  readonly bq: number;
  readonly rankQ: number;
  readonly aqStride: number;
  readonly bqStride: number;
}

/** Copies T queries, with a gap of NaN between them. */
export function writeQuery(
  guarded: GuardedMemory,
  query: Inputs['query'],
  tokens: number,
  misalignment: Misalignment = 0,
): QueryInMemory {
  const [a, b] = 'q' in query ? [query.q, new Float32Array(0)] : [query.aq, query.bq];
  const region = (name: string, x: Float32Array, gap: number) => {
    const width = x.length / tokens;
    const strided = width === 0 ? x : withStride(x, width, width + gap);
    return { at: guarded.regionOf(name, strided, misalignment).pointer, stride: width + gap };
  };
  const { at: aq, stride: aqStride } = region('aq', a, 3);
  const { at: bq, stride: bqStride } = region('bq', b, 1);
  return { aq, bq, aqStride, bqStride, rankQ: 'q' in query ? 0 : query.rankQ };
}

/** What raw factors' products are multiplied by. */
export function logitScaleOf(sizes: CacheSizes, rankQ: number): number {
  return 1 / (Math.max(1, rankQ) * sizes.rankK * Math.sqrt(sizes.headDim));
}

/** Runs tpaDecode for query `token`, a range of heads after another; scratch and output are NaN before. */
export function decode(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  pages: PagesInMemory,
  sizes: CacheSizes,
  query: QueryInMemory,
  token: number,
  length: number,
  misalignment: Misalignment = 0,
  split = WHOLE,
): Float32Array {
  const { rankQ } = query;
  const bytes = kernels.tpaDecodeScratch(pages.shapeAt, rankQ) >>> 0;
  const out = guarded.region('out', sizes.heads * sizes.valueDim, misalignment);
  for (const range of rangesOf(sizes.heads, split)) {
    kernels.tpaDecode(
      out.pointer,
      query.aq + token * query.aqStride * 4,
      query.bq + token * query.bqStride * 4,
      pages.pagesAt,
      pages.shapeAt,
      guarded.region('scratch', bytes / 4, misalignment).pointer,
      rankQ,
      length,
      logitScaleOf(sizes, rankQ),
      ...range,
    );
  }
  guarded.assertCanaries();
  return guarded.read(out);
}

/** Runs tpaPrefill for `count` queries from `token` on, the first at `position`. */
export function prefill(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  pages: PagesInMemory,
  sizes: CacheSizes,
  query: QueryInMemory,
  { token = 0, count, position }: { token?: number; count: number; position: number },
  isDenseKeys: boolean,
  misalignment: Misalignment = 0,
  split = WHOLE,
): Float32Array {
  const { rankQ, aqStride, bqStride } = query;
  const bytes = kernels.tpaPrefillScratch(pages.shapeAt, rankQ, count) >>> 0;
  const out = guarded.region('out', count * sizes.heads * sizes.valueDim, misalignment);
  const aq = query.aq + token * aqStride * 4;
  const bq = query.bq + token * bqStride * 4;
  const rows = guarded.regionOf(
    'queries',
    Int32Array.of(aq, aqStride, bq, bqStride, rankQ, count),
    misalignment,
  );
  const scale = logitScaleOf(sizes, rankQ);
  const { pagesAt, shapeAt } = pages;
  for (const range of rangesOf(sizes.heads, split)) {
    const scratch = guarded.region('scratch', bytes / 4, misalignment).pointer;
    const args = [out.pointer, rows.pointer, pagesAt, shapeAt, scratch] as const;
    kernels.tpaPrefill(...args, position, scale, isDenseKeys, ...range);
  }
  guarded.assertCanaries();
  return guarded.read(out);
}
