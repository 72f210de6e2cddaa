import { CACHE_DTYPES, CACHE_NUMBER_BYTES } from '../../../src/layout/cache-dtype.ts';
import { CACHE_SHAPE } from '../../../src/layout/records.ts';
import { type AttentionResult, attentionTolerance } from '../../reference/attention.ts';
import { assertClose, nmse } from '../checks/close.ts';
import type { attentionInputs } from './attention-shape.ts';
import { type KernelBench, rangesOf, type Split, WHOLE, withStride } from './kernel-bench.ts';
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
  readonly kernels: KernelBench['kernels'];
  readonly guarded: GuardedMemory;
  /** Of every region, those of the queries and outputs too. */
  readonly misalignment: Misalignment;
  readonly sizes: CacheSizes;
  readonly shapeAt: number;
  readonly pagesAt: number;
  readonly pages: readonly Region[];
}

/** Where pages lie: in memory of their own where none is given, and from token `from` on. */
export interface PageOptions {
  guarded?: GuardedMemory;
  misalignment?: Misalignment;
  from?: number;
}

/** Address of pages that must not be read: far past the memory, so that a read traps. */
const NOWHERE = 0x7fff_0000;

/** The fields of a TPA cache, which stores all factors. */
function storedFields({ heads, headDim, valueDim, rankK, rankV }: CacheSizes) {
  const rows = { keyRows: headDim, headRows: heads, valueRows: valueDim };
  return { heads, headDim, valueDim, rankK, rankV, ...rows };
}

/** Words of one page, from the comments of assembly/layout/pages.ts and code-pages.ts. */
export function fieldsPageNumbers(fields: ShapeFields): number {
  const { rankK = 0, rankV = 0, keyRows = 0, headRows = 0, valueRows = 0, dtype = 0 } = fields;
  const valueStride = Math.ceil(valueRows / 4) * 4;
  const keyStride = dtype > 0 ? Math.ceil(keyRows / 2) * 2 : keyRows;
  const numbers = rankK * (keyStride + headRows) + rankV * (headRows + valueStride);
  if (dtype === 0) return PAGE_TOKENS * numbers;
  const [key, head, value] = [keyRows, headRows, valueRows].map((width) => Math.min(width, 1));
  const scales = rankK * (key! + head!) + rankV * (head! + value!);
  return PAGE_TOKENS * (scales + (numbers * CACHE_NUMBER_BYTES[CACHE_DTYPES[dtype]!]) / 4);
}

/** Numbers of one page of a TPA cache. */
export function pageNumbers(sizes: CacheSizes): number {
  return fieldsPageNumbers(storedFields(sizes));
}

/** Regions for a shape, a page table and as many pages as `tokens` need: full of NaN, last first. */
export function createPages(
  bench: KernelBench,
  sizes: CacheSizes,
  tokens: number,
  options?: PageOptions,
): PagesInMemory {
  return createPagesOf(bench, storedFields(sizes), tokens, options);
}

/** As {@link createPages} for any shape; pages wholly before token `from` do not exist. */
export function createPagesOf(
  { kernels, guard }: KernelBench,
  fields: ShapeFields & CacheSizes,
  tokens: number,
  { guarded = guard(), from = 0, misalignment = 0 }: PageOptions = {},
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
  const pagesAt = guarded.regionOf('table', table, misalignment).pointer;
  return { kernels, guarded, misalignment, sizes: fields, shapeAt, pagesAt, pages };
}

/** Appends tokens from … to of ak, bk, av, bv, each with a gap of NaN between its tokens. */
export function appendRows(
  { kernels, guarded, misalignment, pagesAt, shapeAt }: PagesInMemory,
  factors: TokenRows,
  [from, to]: readonly [number, number],
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
  pages: PagesInMemory,
  { ak, bk, av, bv }: Inputs['cache'],
  from: number,
  to: number,
): void {
  const { heads, headDim, valueDim, rankK, rankV } = pages.sizes;
  const factors: TokenRows = [
    [ak, heads * rankK],
    [bk, rankK * headDim],
    [av, heads * rankV],
    [bv, rankV * valueDim],
  ];
  appendRows(pages, factors, [from, to]);
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
  { guarded, misalignment }: PagesInMemory,
  query: Inputs['query'],
  tokens: number,
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

/** A region for the heads of `count` queries, NaN before. */
export function outputOf({ guarded, sizes, misalignment }: PagesInMemory, count: number): Region {
  return guarded.region('out', count * sizes.heads * sizes.valueDim, misalignment);
}

/** Calls with each range of `units`, scratch NaN before each; gives what lies in `out` then. */
export function runRanges(
  { guarded, misalignment }: PagesInMemory,
  out: Region,
  units: number,
  split: Split,
  bytes: number,
  call: (scratch: number, range: readonly [number, number]) => void,
): Float32Array {
  const scratch = guarded.region('scratch', (bytes >>> 0) / 4, misalignment);
  const nothing = new Float32Array(scratch.length).fill(NaN);
  for (const range of rangesOf(units, split)) {
    guarded.write(scratch, nothing);
    call(scratch.pointer, range);
  }
  guarded.assertCanaries();
  return guarded.read(out);
}

/**
 * Calls a decode of tokens first … length − 1 with each range of (spans, heads), and merges more
 * spans than one, `ranks` as in mergeSpans.
 */
export function runSpans(
  pages: PagesInMemory,
  [first, length]: readonly [number, number],
  ranks: number,
  split: Split,
  bytes: number,
  call: (out: number, partials: number, scratch: number, range: readonly [number, number]) => void,
): Float32Array {
  const { kernels, guarded, misalignment, sizes, shapeAt } = pages;
  const { heads } = sizes;
  const spans = kernels.decodeSpans(first, length);
  const numbers = kernels.partialsBytes(shapeAt) / 4;
  const partials = guarded.region('partials', numbers, misalignment).pointer;
  const out = outputOf(pages, 1);
  runRanges(pages, out, spans * heads, split, bytes, (scratch, range) => {
    call(out.pointer, partials, scratch, range);
  });
  if (spans > 1) {
    for (const range of rangesOf(heads, split)) {
      kernels.mergeSpans(out.pointer, partials, shapeAt, spans, ranks, ...range);
    }
    guarded.assertCanaries();
  }
  return guarded.read(out);
}

/** Runs tpaDecode for query `token`, a range of units after another, and merges its spans. */
export function decode(
  pages: PagesInMemory,
  query: QueryInMemory,
  token: number,
  length: number,
  split = WHOLE,
): Float32Array {
  const { kernels, sizes, pagesAt, shapeAt } = pages;
  const { rankQ } = query;
  const aq = query.aq + token * query.aqStride * 4;
  const bq = query.bq + token * query.bqStride * 4;
  const scale = logitScaleOf(sizes, rankQ);
  const bytes = kernels.tpaDecodeScratch(shapeAt, rankQ);
  const { rankV } = sizes;
  return runSpans(pages, [0, length], rankV, split, bytes, (out, partials, scratch, range) => {
    const args = [out, partials, aq, bq, pagesAt, shapeAt, scratch] as const;
    kernels.tpaDecode(...args, rankQ, length, scale, ...range);
  });
}

/** A block of queries from `token` on, the first at `position`. */
export interface Block {
  token?: number;
  count: number;
  position: number;
}

/** Runs tpaPrefill for a block. */
export function prefill(
  pages: PagesInMemory,
  query: QueryInMemory,
  { token = 0, count, position }: Block,
  isDenseKeys: boolean,
  split = WHOLE,
): Float32Array {
  const { kernels, guarded, misalignment, sizes, pagesAt, shapeAt } = pages;
  const { rankQ, aqStride, bqStride } = query;
  const out = outputOf(pages, count);
  const aq = query.aq + token * aqStride * 4;
  const bq = query.bq + token * bqStride * 4;
  const words = Int32Array.of(aq, aqStride, bq, bqStride, rankQ, count);
  const rows = guarded.regionOf('queries', words, misalignment).pointer;
  const scale = logitScaleOf(sizes, rankQ);
  const bytes = kernels.tpaPrefillScratch(shapeAt, rankQ, count);
  const units = isDenseKeys ? sizes.heads : count;
  return runRanges(pages, out, units, split, bytes, (scratch, range) => {
    const args = [out.pointer, rows, pagesAt, shapeAt, scratch] as const;
    kernels.tpaPrefill(...args, position, scale, isDenseKeys, ...range);
  });
}
