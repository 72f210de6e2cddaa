import { createRandom } from '../checks/random.ts';
import { type KernelBench, rangesOf, WHOLE, withStride } from './kernel-bench.ts';
import {
  appendRows,
  createPagesOf,
  type PagesInMemory,
  type TokenRows,
} from './kernel-attention.ts';
import type { GuardedMemory, Misalignment } from './memory.ts';

/** Sizes of a dense cache; `isLatent` is MLA: one head, whose key is its value and some more. */
export interface DenseSizes {
  heads: number;
  kvHeads: number;
  headDim: number;
  valueDim: number;
  isLatent?: boolean;
  /** Standard deviation of keys: 0.3 gives flat attention, 3 peaked. */
  deviation?: number;
}

/** Numbers of a key in the page. */
export function keyRows({ headDim, valueDim, isLatent = false }: DenseSizes): number {
  return isLatent ? headDim - valueDim : headDim;
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

export type DenseInputs = ReturnType<typeof denseInputs>;

/** Pages full of NaN for `tokens` tokens; those before `from` do not exist. */
export function createDensePages(
  guarded: GuardedMemory,
  sizes: DenseSizes,
  tokens: number,
  { masks: [ak, av] = [0, 0], ...options }: PageOptions = {},
): PagesInMemory {
  const { heads, kvHeads, headDim, valueDim, isLatent = false } = sizes;
  const rows = { keyRows: keyRows(sizes), valueRows: valueDim, form: isLatent ? 4 : 0, ak, av };
  const fields = { heads, headDim, valueDim, rankK: kvHeads, rankV: kvHeads, ...rows };
  return createPagesOf(guarded, fields, tokens, options);
}

interface PageOptions {
  from?: number;
  misalignment?: Misalignment;
  masks?: readonly [number, number];
}

/** Appends tokens from … to of the inputs. */
export function appendDense(
  bench: KernelBench,
  guarded: GuardedMemory,
  pages: PagesInMemory,
  sizes: DenseSizes,
  { k, v }: DenseInputs,
  from: number,
  to: number,
): void {
  const { kvHeads, headDim, valueDim } = sizes;
  const stored = keyRows(sizes);
  const factors: TokenRows = [
    [[], 0],
    [withoutLatent(k, headDim, stored), kvHeads * stored],
    [[], 0],
    [v, kvHeads * valueDim],
  ];
  appendRows(bench, guarded, pages, factors, [from, to]);
}

/** The last `stored` numbers of every `headDim`. */
function withoutLatent(k: Float32Array, headDim: number, stored: number): Float32Array {
  return k.filter((_, i) => i % headDim >= headDim - stored);
}

/** Queries in memory with a gap of NaN between them. */
export function writeQueries(
  guarded: GuardedMemory,
  sizes: DenseSizes,
  q: Float32Array,
  misalignment: Misalignment = 0,
): { at: number; stride: number } {
  const width = sizes.heads * sizes.headDim;
  const strided = withStride(q, width, width + 3);
  return { at: guarded.regionOf('q', strided, misalignment).pointer, stride: width + 3 };
}

/** Runs denseDecode over tokens first … length − 1; scratch and output are NaN before. */
export function runDecode(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  { pagesAt, shapeAt }: PagesInMemory,
  sizes: DenseSizes,
  q: number,
  [first, length]: readonly [number, number],
  { misalignment = 0 as Misalignment, scale = 1 / Math.sqrt(sizes.headDim), split = WHOLE } = {},
): Float32Array {
  const bytes = kernels.denseDecodeScratch(shapeAt) >>> 0;
  const out = guarded.region('out', sizes.heads * sizes.valueDim, misalignment);
  for (const range of rangesOf(sizes.kvHeads, split)) {
    const scratch = guarded.region('scratch', bytes / 4, misalignment).pointer;
    const args = [out.pointer, q, pagesAt, shapeAt, scratch] as const;
    kernels.denseDecode(...args, first, length, scale, ...range);
  }
  guarded.assertCanaries();
  return guarded.read(out);
}

/** Runs densePrefill for `count` queries from `token` on, the first at `position`. */
export function runPrefill(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  { pagesAt, shapeAt }: PagesInMemory,
  sizes: DenseSizes,
  queries: { at: number; stride: number },
  { token = 0, count, position, window = 0 }: Block,
  misalignment: Misalignment = 0,
  split = WHOLE,
): Float32Array {
  const bytes = kernels.densePrefillScratch(shapeAt, count) >>> 0;
  const out = guarded.region('out', count * sizes.heads * sizes.valueDim, misalignment);
  const q = queries.at + token * queries.stride * 4;
  const scale = 1 / Math.sqrt(sizes.headDim);
  for (const range of rangesOf(sizes.kvHeads, split)) {
    const scratch = guarded.region('scratch', bytes / 4, misalignment).pointer;
    const block = [scratch, position, count, window, scale] as const;
    kernels.densePrefill(out.pointer, q, queries.stride, pagesAt, shapeAt, ...block, ...range);
  }
  guarded.assertCanaries();
  return guarded.read(out);
}

/** A block of queries for {@link runPrefill}. */
export interface Block {
  token?: number;
  count: number;
  position: number;
  window?: number;
}
