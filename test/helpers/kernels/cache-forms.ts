import { type FormSizes, type StoredFactors, storedWidths } from '../../reference/cache-forms.ts';
import { PAGE_TOKENS, type PagesInMemory } from './kernel-attention.ts';
import { type KernelBench, withStride } from './kernel-bench.ts';
import type { GuardedMemory, Misalignment } from './memory.ts';
import { createRandom } from '../checks/random.ts';

/** A cache of some form and the queries that meet it; {@link formInputs} makes the numbers. */
export interface FormShape extends FormSizes {
  /** 0 for a full query. */
  rankQ: number;
  /** Pairs of features that attention rotates. */
  pairs: number;
  direction: 1 | -1;
  /** Standard deviation of what B is made from. */
  deviation: number;
  seed: number;
}

/** In the order of FORM in assembly/layout/pages.ts. */
const FORMS = ['contextual', 'fixed', 'shared', 'outer', 'latent'] as const;

/** Float32 queries and stored factors, the same for the same seed. */
export function formInputs(shape: FormShape, tokens: number, cached: number) {
  const { heads, headDim, valueDim, rankQ, rankK, rankV, isFixedA, form, deviation } = shape;
  const random = createRandom(shape.seed);
  const { key, value } = storedWidths(shape);
  const isFixedB = form === 'fixed';
  const query =
    rankQ === 0
      ? { q: random.normal(tokens * heads * headDim, deviation) }
      : {
          aq: random.normal(tokens * heads * rankQ),
          bq: random.normal(tokens * rankQ * headDim, deviation),
          rankQ,
        };
  const angles = random.uniform(cached * shape.pairs, -4, 4);
  // products of two normal numbers have the deviation squared
  const root = form === 'outer' ? Math.sqrt(deviation) : deviation;
  const [aTokens, bTokens] = [isFixedA ? 1 : cached, isFixedB ? 1 : cached];
  const stored = {
    ak: random.normal(aTokens * heads * rankK),
    bk: random.normal(bTokens * rankK * (isFixedB ? headDim : key), root),
    av: random.normal(aTokens * heads * rankV),
    bv: random.normal(bTokens * rankV * (isFixedB ? valueDim : value), root),
    cos: angles.map(Math.cos),
    sin: angles.map(Math.sin),
    pairs: shape.pairs,
    direction: shape.direction,
  };
  return { query, stored };
}

/** Numbers of one page, from the comment of assembly/layout/pages.ts. */
export function formPageNumbers(sizes: FormSizes): number {
  const { rankK, rankV, heads, isFixedA } = sizes;
  const { key, value } = storedWidths(sizes);
  const headRows = isFixedA ? 0 : heads;
  return PAGE_TOKENS * (rankK * (key + headRows) + rankV * (headRows + Math.ceil(value / 4) * 4));
}

/** A fixed A factor (1, heads, rank) as (rank, heads, 48), every number in 48 lanes. */
function splatted(a: ArrayLike<number>, heads: number, rank: number): Float32Array {
  return Float32Array.from({ length: rank * heads * 48 }, (_, i) => {
    const row = Math.floor(i / 48);
    return a[(row % heads) * rank + Math.floor(row / heads)]!;
  });
}

/** A fixed B_V (1, rankV, width) as (rankV, 96, width rounded up to 4), NaN in the padding. */
function repeated(b: Float32Array, width: number): Float32Array {
  const stride = Math.ceil(width / 4) * 4;
  const rows = Array.from({ length: b.length / width }, (_, u) => {
    const row = b.subarray(u * width, (u + 1) * width);
    return Array.from({ length: PAGE_TOKENS }, () => [...row]).flat();
  }).flat();
  return withStride(rows, width, stride);
}

/**
 * Regions for a shape, its parameters, a page table and as many pages as `tokens` need, full of
 * NaN as are the tables past the last token; then appends the tokens in two parts.
 */
export function fillPages(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  sizes: FormSizes,
  stored: StoredFactors & { bv: Float32Array },
  cached: number,
  misalignment: Misalignment = 0,
): PagesInMemory {
  const { heads, headDim, valueDim, rankK, rankV, isFixedA, form, outerDim } = sizes;
  const { key, value } = storedWidths(sizes);
  const at = (name: string, x: Float32Array) => guarded.regionOf(name, x, misalignment).pointer;
  const count = Math.ceil(cached / PAGE_TOKENS);
  const table = (x: ArrayLike<number>) => {
    const padded = new Float32Array(count * PAGE_TOKENS * stored.pairs).fill(NaN);
    padded.set(Float32Array.from(x));
    return padded;
  };
  const isFixedB = form === 'fixed';
  const hasRope = isFixedB || form === 'shared';
  const words = [
    [heads, headDim, valueDim, rankK, rankV, key, isFixedA ? 0 : heads, value],
    [FORMS.indexOf(form), form === 'outer' ? outerDim : 0],
    isFixedA
      ? [
          at('fixed ak', splatted(stored.ak, heads, rankK)),
          at('fixed av', splatted(stored.av, heads, rankV)),
        ]
      : [0, 0],
    isFixedB
      ? [
          at('fixed bk', Float32Array.from(stored.bk)),
          at('fixed bv', repeated(stored.bv, valueDim)),
        ]
      : [0, 0],
    hasRope
      ? [at('cos', table(stored.cos)), at('sin', table(stored.sin)), stored.pairs]
      : [0, 0, 0],
    new Int32Array(Float32Array.of(stored.direction).buffer),
  ].flatMap((part) => [...part]);
  const shapeAt = guarded.regionOf('shape', Int32Array.from(words), misalignment).pointer;
  const pages = Array.from({ length: count }, (_, i) =>
    guarded.region(`page ${count - 1 - i}`, formPageNumbers(sizes), misalignment),
  ).toReversed();
  const pointers = Int32Array.from(pages, (page) => page.pointer);
  const pagesAt = guarded.regionOf('table', pointers, misalignment).pointer;

  const cut = Math.floor(cached * 0.4);
  for (const [from, to] of [
    [0, cut],
    [cut, cached],
  ] as const) {
    const rows = (
      [
        [stored.ak, isFixedA ? 0 : heads * rankK, 1],
        [stored.bk, rankK * key, 2],
        [stored.av, isFixedA ? 0 : heads * rankV, 3],
        [stored.bv, rankV * value, 5],
      ] as const
    ).flatMap(([x, width, gap]) => {
      if (width === 0) return [0, 0];
      const part = Float32Array.from(x).subarray(from * width, to * width);
      return [at('factors', withStride(part, width, width + gap)), width + gap];
    });
    const rowsAt = guarded.regionOf('rows', Int32Array.from(rows)).pointer;
    kernels.appendFactors(pagesAt, shapeAt, from, to - from, rowsAt);
  }
  guarded.assertCanaries();
  return { shapeAt, pagesAt, pages };
}
