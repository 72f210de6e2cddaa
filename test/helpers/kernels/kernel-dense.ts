import { createRandom } from '../checks/random.ts';
import { type KernelBench, rangesOf, WHOLE, withStride } from './kernel-bench.ts';
import { PAGE_TOKENS, type PagesInMemory } from './kernel-attention.ts';
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

/** Address of pages that must not be read: far past the memory, so that a read traps. */
const NOWHERE = 0x7fff_0000;

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

/** Numbers of one page, from the comment of assembly/layout/pages.ts. */
function densePageNumbers(sizes: DenseSizes): number {
  const valueStride = Math.ceil(sizes.valueDim / 4) * 4;
  return PAGE_TOKENS * sizes.kvHeads * (keyRows(sizes) + valueStride);
}

/** Pages full of NaN for `tokens` tokens; those before `from` do not exist. */
export function createDensePages(
  guarded: GuardedMemory,
  sizes: DenseSizes,
  tokens: number,
  { from = 0, misalignment = 0 as Misalignment, masks = [0, 0] } = {},
): PagesInMemory {
  const { heads, kvHeads, headDim, valueDim, isLatent = false } = sizes;
  const counts = [heads, headDim, valueDim, kvHeads, kvHeads, keyRows(sizes), 0, valueDim];
  const form = [isLatent ? 4 : 0, 0, ...masks, 0, 0, 0, 0, 0, 0];
  const shape = Int32Array.from([...counts, ...form]);
  const shapeAt = guarded.regionOf('shape', shape, misalignment).pointer;
  const skipped = Math.floor(from / PAGE_TOKENS);
  const pages = Array.from({ length: Math.ceil(tokens / PAGE_TOKENS) - skipped }, (_, i) =>
    guarded.region(`page ${i}`, densePageNumbers(sizes), misalignment),
  ).toReversed();
  const missing = Array.from({ length: skipped }, () => NOWHERE);
  const table = Int32Array.from([...missing, ...pages.map((page) => page.pointer)]);
  return { shapeAt, pagesAt: guarded.regionOf('table', table, misalignment).pointer, pages };
}

/** Appends tokens from … to of the inputs. */
export function appendDense(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  { pagesAt, shapeAt }: PagesInMemory,
  sizes: DenseSizes,
  { k, v }: DenseInputs,
  from: number,
  to: number,
): void {
  const { kvHeads, headDim, valueDim } = sizes;
  const stored = keyRows(sizes);
  const keys = withoutLatent(k, headDim, stored).subarray(
    from * kvHeads * stored,
    to * kvHeads * stored,
  );
  const values = v.subarray(from * kvHeads * valueDim, to * kvHeads * valueDim);
  const rows = (
    [[keys, kvHeads * stored, 2] as const, [values, kvHeads * valueDim, 3] as const] as const
  ).flatMap(([x, width, gap]) => {
    const strided = withStride(x, width, width + gap);
    return [0, 0, guarded.regionOf('rows', strided).pointer, width + gap];
  });
  const rowsAt = guarded.regionOf('rows', Int32Array.from(rows)).pointer;
  kernels.appendFactors(pagesAt, shapeAt, from, to - from, rowsAt);
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
