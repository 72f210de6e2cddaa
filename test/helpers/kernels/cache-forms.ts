import * as fc from 'fast-check';
import { CACHE_DTYPES, type CacheDtype } from '../../../src/layout/cache-dtype.ts';
import { FORMS } from '../../../src/layout/records.ts';
import { type FormSizes, type StoredFactors, storedWidths } from '../../reference/cache-forms.ts';
import {
  appendRows,
  createPagesOf,
  PAGE_TOKENS,
  type PagesInMemory,
  type TokenRows,
} from './kernel-attention.ts';
import { type KernelBench, withStride } from './kernel-bench.ts';
import type { Misalignment } from './memory.ts';
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
  /** f32 if left out. */
  dtype?: CacheDtype;
}

/** A shape of which only what is unusual needs saying. */
export function formShape(
  form: FormShape['form'],
  [heads, headDim, valueDim]: [number, number, number],
  [rankQ, rankK, rankV]: [number, number, number],
  options: Partial<FormShape> = {},
): FormShape {
  const sizes = {
    form,
    heads,
    headDim,
    valueDim,
    rankQ,
    rankK,
    rankV,
    isFixedA: false,
    outerDim: 1,
  };
  const data = { pairs: 0, direction: 1, deviation: 1, seed: heads * 1000 + headDim } as const;
  return { ...sizes, ...data, ...options };
}

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
  bench: KernelBench,
  sizes: FormSizes & { dtype?: CacheDtype },
  stored: StoredFactors & { bv: Float32Array },
  cached: number,
  misalignment: Misalignment = 0,
): PagesInMemory {
  const guarded = bench.guard();
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
  const fields = {
    heads,
    headDim,
    valueDim,
    rankK,
    rankV,
    keyRows: key,
    headRows: isFixedA ? 0 : heads,
    valueRows: value,
    form: FORMS.indexOf(form),
    outerDim: form === 'outer' ? outerDim : 0,
    ...(isFixedA
      ? {
          ak: at('fixed ak', splatted(stored.ak, heads, rankK)),
          av: at('fixed av', splatted(stored.av, heads, rankV)),
        }
      : {}),
    ...(isFixedB
      ? {
          bk: at('fixed bk', Float32Array.from(stored.bk)),
          bv: at('fixed bv', repeated(stored.bv, valueDim)),
        }
      : {}),
    ...(isFixedB || form === 'shared'
      ? {
          cos: at('cos', table(stored.cos)),
          sin: at('sin', table(stored.sin)),
          pairs: stored.pairs,
        }
      : {}),
    direction: stored.direction,
    dtype: CACHE_DTYPES.indexOf(sizes.dtype ?? 'f32'),
  };
  const pages = createPagesOf(bench, fields, cached, { guarded, misalignment });
  const cut = Math.floor(cached * 0.4);
  const factors: TokenRows = [
    [stored.ak, isFixedA ? 0 : heads * rankK],
    [stored.bk, rankK * key],
    [stored.av, isFixedA ? 0 : heads * rankV],
    [stored.bv, rankV * value],
  ];
  for (const range of [
    [0, cut],
    [cut, cached],
  ] as const) {
    appendRows(pages, factors, range);
  }
  guarded.assertCanaries();
  return pages;
}

/** Any form of small sizes; widths meet what the form asks of them. */
export function randomForm(): fc.Arbitrary<FormShape> {
  const size = fc.integer({ min: 1, max: 20 });
  return fc
    .record({
      form: fc.constantFrom('contextual', 'fixed', 'shared', 'outer', 'latent'),
      heads: fc.integer({ min: 1, max: 9 }),
      headDim: size,
      valueDim: size,
      outerDim: fc.integer({ min: 1, max: 7 }),
      rankQ: fc.integer({ min: 0, max: 4 }),
      rankK: fc.integer({ min: 1, max: 3 }),
      rankV: fc.integer({ min: 1, max: 3 }),
      isFixedA: fc.boolean(),
      rotated: fc.double({ min: 0, max: 1, noNaN: true }),
      direction: fc.constantFrom(1 as const, -1 as const),
      deviation: fc.constantFrom(1, 0.3, 2),
      seed: fc.nat(),
    })
    .map(({ rotated, ...drawn }): FormShape => {
      const made = { ...drawn, pairs: 0 };
      // with both fixed every token is the same: no mechanism, and V may be one number that cancels
      if (made.form === 'fixed') made.isFixedA = false;
      if (made.form === 'outer') {
        made.headDim *= made.outerDim;
        made.valueDim *= made.outerDim;
      }
      if (made.form === 'shared') made.valueDim = made.headDim;
      if (made.form === 'latent') made.headDim += made.valueDim;
      if (made.form === 'shared' || made.form === 'latent') made.rankV = made.rankK;
      if (made.form === 'shared' || made.form === 'fixed') {
        made.pairs = Math.floor((rotated * (made.headDim + 1)) / 2);
      }
      if (made.pairs > made.headDim >> 1) made.pairs = made.headDim >> 1;
      return made;
    });
}
