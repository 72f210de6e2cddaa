import type { AttentionCache } from './attention.ts';
import { rope } from './rope.ts';

/** What of a token's factors a cache holds, by the names of AttentionSpec. */
export interface FormSizes {
  heads: number;
  headDim: number;
  valueDim: number;
  rankK: number;
  rankV: number;
  isFixedA: boolean;
  form: 'contextual' | 'fixed' | 'shared' | 'outer' | 'latent';
  /** Width of c in b ⊗ c. */
  outerDim: number;
}

/**
 * What a cache holds, token by token, and the parameters beside it. ak (M, heads, rankK) and
 * av (M, heads, rankV), or (1, heads, rank) if fixed; bk (M, rankK, stored), bv (M, rankV,
 * stored), or (1, rank, width) if fixed; cos and sin (positions, pairs).
 */
export interface StoredFactors {
  ak: ArrayLike<number>;
  bk: ArrayLike<number>;
  av: ArrayLike<number>;
  bv: ArrayLike<number>;
  cos: ArrayLike<number>;
  sin: ArrayLike<number>;
  pairs: number;
  direction: 1 | -1;
}

/** Numbers of one B_K and one B_V that are stored. */
export function storedWidths(sizes: FormSizes): { key: number; value: number } {
  const { headDim, valueDim, outerDim, form } = sizes;
  switch (form) {
    case 'contextual':
      return { key: headDim, value: valueDim };
    case 'fixed':
      return { key: 0, value: 0 };
    case 'shared':
      return { key: 0, value: headDim };
    case 'outer':
      return { key: headDim / outerDim + outerDim, value: valueDim / outerDim + outerDim };
    case 'latent':
      return { key: headDim - valueDim, value: valueDim };
  }
}

/** The factors that attention sees: every token's A, B_K rotated, B_V. */
export function formFactors(
  sizes: FormSizes,
  stored: StoredFactors,
  cached: number,
): AttentionCache {
  const { rankK, rankV, headDim, outerDim, isFixedA, form } = sizes;
  const { bk, bv } = stored;
  const every = (x: ArrayLike<number>, isFixed: boolean) =>
    Float64Array.from(
      { length: isFixed ? x.length * cached : x.length },
      (_, i) => x[i % x.length]!,
    );
  const widths = storedWidths(sizes);
  const cache = { ak: every(stored.ak, isFixedA), av: every(stored.av, isFixedA) };
  switch (form) {
    case 'contextual':
      return { ...cache, bk: every(bk, false), bv: every(bv, false) };
    case 'fixed': {
      const keys = rotateRows(every(bk, true), rankK, headDim, stored);
      return { ...cache, bk: keys, bv: every(bv, true) };
    }
    case 'shared':
      return { ...cache, bk: rotateRows(bv, rankK, headDim, stored), bv: every(bv, false) };
    case 'outer':
      return {
        ...cache,
        bk: products(rowsOf(bk, widths.key), outerDim),
        bv: products(rowsOf(bv, widths.value), outerDim),
      };
    case 'latent': {
      const [latents, rest] = [rowsOf(bv, widths.value), rowsOf(bk, widths.key)];
      if (rankK !== rankV) throw new RangeError('latent keys expect rankK = rankV');
      return {
        ...cache,
        bk: Float64Array.from(latents.flatMap((row, i) => [...row, ...(rest[i] ?? [])])),
        bv: every(bv, false),
      };
    }
  }
}

/** x as rows of `width` numbers; none of no width. */
function rowsOf(x: ArrayLike<number>, width: number): number[][] {
  const count = width === 0 ? 0 : x.length / width;
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: width }, (_unused, j) => x[i * width + j]!),
  );
}

/** b ⊗ c of every row [b | c], c of `width` numbers. */
function products(rows: number[][], width: number): Float64Array {
  return Float64Array.from(
    rows.flatMap((row) => {
      const c = row.slice(-width);
      return row.slice(0, -width).flatMap((x) => c.map((y) => x * y));
    }),
  );
}

/** Rows x (M, rank, width), of which the first 2 · pairs features turn to their token's position. */
export function rotateRows(
  x: ArrayLike<number>,
  rank: number,
  width: number,
  { cos, sin, pairs, direction }: Pick<StoredFactors, 'cos' | 'sin' | 'pairs' | 'direction'>,
): Float64Array {
  const out = Float64Array.from(x);
  if (pairs === 0) return out;
  const tokens = x.length / (rank * width);
  const isRotated = (_: number, i: number) => i % width < 2 * pairs;
  const table = { cos: Float64Array.from(cos), sin: Float64Array.from(sin) };
  const shape = { tokens, rows: rank, headDim: 2 * pairs };
  const rotated = rope(out.filter(isRotated), table, shape, direction === 1 ? 't6' : 'llama');
  for (let row = 0; row < tokens * rank; row++) {
    out.set(rotated.subarray(row * 2 * pairs, (row + 1) * 2 * pairs), row * width);
  }
  return out;
}
