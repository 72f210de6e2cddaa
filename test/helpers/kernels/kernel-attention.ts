import { CACHE_SHAPE } from '../../../src/layout/records.ts';
import { type AttentionResult, attentionTolerance } from '../../reference/attention.ts';
import { assertClose, nmse } from '../checks/close.ts';
import type { attentionInputs } from './attention-shape.ts';
import { type KernelBench, rangesOf, WHOLE, withStride } from './kernel-bench.ts';
import type { GuardedMemory, Misalignment, Region } from './memory.ts';

export const PAGE_TOKENS = 96;

/** Sizes of a cache of any form. */
export interface CacheSizes {
  heads: number;
  headDim: number;
  valueDim: number;
  rankK: number;
  rankV: number;
}

/** Fields of the kernels' CacheShape by name; those left out are 0. */
export type ShapeFields = Partial<Record<(typeof CACHE_SHAPE)[number], number>>;

/** Factors of all tokens by number of a token; 0 for what no page holds. */
export type TokenRows = readonly (readonly [x: ArrayLike<number>, width: number])[];

type Inputs = ReturnType<typeof attentionInputs>;

/** A cache in guarded memory, laid out by hand: what PagedCache does, without PagedCache. */
export interface PagesInMemory {
  readonly shapeAt: number;
  readonly pagesAt: number;
  readonly pages: readonly Region[];
}

/** Address of pages that must not be read: far past the memory, so that a read traps. */
const NOWHERE = 0x7fff_0000;

/** The fields of a TPA cache, which stores all factors. */
function storedFields(sizes: CacheSizes): ShapeFields {
  const { heads, headDim, valueDim, rankK, rankV } = sizes;
  const rows = { keyRows: headDim, headRows: heads, valueRows: valueDim };
  return { heads, headDim, valueDim, rankK, rankV, ...rows };
}

/** Numbers of one page, from the comment of assembly/layout/pages.ts. */
export function fieldsPageNumbers(fields: ShapeFields): number {
  const { rankK = 0, rankV = 0, keyRows = 0, headRows = 0, valueRows = 0 } = fields;
  const valueStride = Math.ceil(valueRows / 4) * 4;
  return PAGE_TOKENS * (rankK * (keyRows + headRows) + rankV * (headRows + valueStride));
}

/** Numbers of one page of a TPA cache. */
export function pageNumbers(sizes: CacheSizes): number {
  return fieldsPageNumbers(storedFields(sizes));
}

/** Regions for a shape, a page table and as many pages as `tokens` need: full of NaN, last first. */
export function createPages(
  guarded: GuardedMemory,
  sizes: CacheSizes,
  tokens: number,
  misalignment: Misalignment = 0,
): PagesInMemory {
  return createPagesOf(guarded, storedFields(sizes), tokens, { misalignment });
}

/** As {@link createPages} for any shape; pages wholly before token `from` do not exist. */
export function createPagesOf(
  guarded: GuardedMemory,
  fields: ShapeFields,
  tokens: number,
  { from = 0, misalignment = 0 as Misalignment } = {},
): PagesInMemory {
  const words = Int32Array.from(CACHE_SHAPE, (field) => fields[field] ?? 0);
  const direction = CACHE_SHAPE.indexOf('direction');
  new Float32Array(words.buffer)[direction] = fields.direction ?? 1;
  const shapeAt = guarded.regionOf('shape', words, misalignment).pointer;
  const skipped = Math.floor(from / PAGE_TOKENS);
  const count = Math.ceil(tokens / PAGE_TOKENS) - skipped;
  const pages = Array.from({ length: count }, (_, i) =>
    guarded.region(`page ${skipped + count - 1 - i}`, fieldsPageNumbers(fields), misalignment),
  ).toReversed();
  const missing = Array.from({ length: skipped }, () => NOWHERE);
  const table = Int32Array.from([...missing, ...pages.map((page) => page.pointer)]);
  return { shapeAt, pagesAt: guarded.regionOf('table', table, misalignment).pointer, pages };
}

/** Appends tokens from … to of ak, bk, av, bv, each with a gap of NaN between its tokens. */
export function appendRows(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  { pagesAt, shapeAt }: PagesInMemory,
  factors: TokenRows,
  [from, to]: readonly [number, number],
  misalignment: Misalignment = 0,
): void {
  const rows = factors.flatMap(([x, width], i) => {
    if (width === 0) return [0, 0];
    const stride = width + [1, 2, 3, 5][i]!;
    const part = Float32Array.from(x).subarray(from * width, to * width);
    return [
      guarded.regionOf('factors', withStride(part, width, stride), misalignment).pointer,
      stride,
    ];
  });
  const rowsAt = guarded.regionOf('rows', Int32Array.from(rows)).pointer;
  kernels.appendFactors(pagesAt, shapeAt, from, to - from, rowsAt);
}

/** Appends tokens from … to of a TPA cache. */
export function appendTo(
  bench: KernelBench,
  guarded: GuardedMemory,
  pages: PagesInMemory,
  { heads, headDim, valueDim, rankK, rankV }: CacheSizes,
  { ak, bk, av, bv }: Inputs['cache'],
  from: number,
  to: number,
  misalignment: Misalignment = 0,
): void {
  const factors: TokenRows = [
    [ak, heads * rankK],
    [bk, rankK * headDim],
    [av, heads * rankV],
    [bv, rankV * valueDim],
  ];
  appendRows(bench, guarded, pages, factors, [from, to], misalignment);
}

/** Within the bounds of docs/numerics.md. */
export function assertAttention(actual: Float32Array, result: AttentionResult, what: string): void {
  assertClose(actual, result.out, { atol: attentionTolerance(result), what });
  const error = nmse(actual, result.out);
  if (!(error <= 1e-9)) throw new Error(`${what}: NMSE ${error}`);
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
