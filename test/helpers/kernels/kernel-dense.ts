import { CACHE_DTYPES, type CacheDtype } from '../../../src/layout/cache-dtype.ts';
import { createRandom } from '../checks/random.ts';
import { type KernelBench, WHOLE } from './kernel-bench.ts';
import {
  appendRows,
  type Block,
  createPagesOf,
  outputOf,
  type PageOptions,
  type PagesInMemory,
  type QueryInMemory,
  runRanges,
  runSpans,
  type TokenRows,
  writeQuery,
} from './kernel-attention.ts';

/** Sizes of a dense cache; `isLatent` is MLA: one head, whose key is its value and some more. */
export interface DenseSizes {
  heads: number;
  kvHeads: number;
  headDim: number;
  valueDim: number;
  isLatent?: boolean;
  /** Standard deviation of keys: 0.3 gives flat attention, 3 peaked. */
  deviation?: number;
  /** f32 if left out. */
  dtype?: CacheDtype;
}

/** q (tokens, heads, headDim), k (cached, kvHeads, headDim), v (cached, kvHeads, valueDim). */
export function denseInputs(sizes: DenseSizes, tokens: number, cached: number, seed: number) {
  const { heads, kvHeads, headDim, valueDim, isLatent = false, deviation = 1 } = sizes;
  const random = createRandom(seed);
  const q = random.normal(tokens * heads * headDim);
  const k = random.normal(cached * kvHeads * headDim, deviation);
  const v = random.normal(cached * kvHeads * valueDim);
  if (isLatent) {
    for (let m = 0; m < cached; m++) {
      k.set(v.subarray(m * valueDim, (m + 1) * valueDim), m * headDim);
    }
  }
  return { q, k, v };
}

/** Pages that hold the inputs from token `from` on, NaN past the last; and the queries in memory. */
export function fillDense(
  bench: KernelBench,
  sizes: DenseSizes,
  { q, k, v }: ReturnType<typeof denseInputs>,
  cached: number,
  { masks: [ak, av] = [0, 0], ...options }: DensePageOptions = {},
): { pages: PagesInMemory; query: QueryInMemory } {
  const { heads, kvHeads, headDim, valueDim, isLatent = false } = sizes;
  // the numbers of a key in the page: those after the latent
  const keyRows = isLatent ? headDim - valueDim : headDim;
  const dtype = CACHE_DTYPES.indexOf(sizes.dtype ?? 'f32');
  const rows = { keyRows, valueRows: valueDim, form: isLatent ? 4 : 0, ak, av, dtype };
  const fields = { heads, headDim, valueDim, rankK: kvHeads, rankV: kvHeads, ...rows };
  const pages = createPagesOf(bench, fields, cached, options);
  const factors: TokenRows = [
    [[], 0],
    [k.filter((_, i) => i % headDim >= headDim - keyRows), kvHeads * keyRows],
    [[], 0],
    [v, kvHeads * valueDim],
  ];
  appendRows(pages, factors, [options.from ?? 0, cached]);
  return { pages, query: writeQuery(pages, { q }, q.length / (heads * headDim)) };
}

interface DensePageOptions extends PageOptions {
  masks?: readonly [number, number];
}

/** Runs denseDecode for query `token` over tokens first … length − 1, and merges its spans. */
export function runDecode(
  pages: PagesInMemory,
  query: QueryInMemory,
  token: number,
  [first, length]: readonly [number, number],
  { scale = 1 / Math.sqrt(pages.sizes.headDim), split = WHOLE } = {},
): Float32Array {
  const { kernels, pagesAt, shapeAt } = pages;
  const q = query.aq + token * query.aqStride * 4;
  const bytes = kernels.denseDecodeScratch(shapeAt);
  return runSpans(pages, [first, length], 1, split, bytes, (out, partials, scratch, range) => {
    const args = [out, partials, q, pagesAt, shapeAt, scratch] as const;
    kernels.denseDecode(...args, first, length, scale, ...range);
  });
}

/** Runs densePrefill for a block. */
export function runPrefill(
  pages: PagesInMemory,
  query: QueryInMemory,
  { token = 0, count, position, window = 0 }: Block & { window?: number },
  split = WHOLE,
): Float32Array {
  const { kernels, sizes, pagesAt, shapeAt } = pages;
  const out = outputOf(pages, count);
  const q = query.aq + token * query.aqStride * 4;
  const scale = 1 / Math.sqrt(sizes.headDim);
  const bytes = kernels.densePrefillScratch(shapeAt, count);
  return runRanges(pages, out, sizes.heads * count, split, bytes, (scratch, range) => {
    const block = [scratch, position, count, window, scale] as const;
    kernels.densePrefill(out.pointer, q, query.aqStride, pagesAt, shapeAt, ...block, ...range);
  });
}
