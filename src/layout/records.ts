import { type AttentionSpec, storedNumbers } from '../attention/spec.ts';
import type { RopeDirection } from '../attention/rope.ts';
import type { Heap } from '../wasm/heap.ts';
import { CACHE_DTYPES, type CacheDtype } from './cache-dtype.ts';
import { bytesOf, numberAt } from './numbers.ts';

/*
 * The records that the host writes and the kernels read (assembly/layout/records.ts): fields of
 * four bytes, in this order. The debug binary exports the offsets, and a test compares by name.
 */

/** Fields of CacheShape, what the kernels know of a cache. */
// prettier-ignore
export const CACHE_SHAPE = [
  'heads', 'headDim', 'valueDim', 'rankK', 'rankV', 'keyRows', 'headRows', 'valueRows', 'form',
  'outerDim', 'ak', 'av', 'bk', 'bv', 'cos', 'sin', 'pairs', 'direction', 'dtype',
] as const;

/** Fields of QueryRows, a block of queries. */
export const QUERY_ROWS = ['aq', 'aqStride', 'bq', 'bqStride', 'rankQ', 'count'] as const;

/** Fields of FactorRows, the factors of tokens outside the pages. */
// prettier-ignore
export const FACTOR_ROWS = [
  'ak', 'akStride', 'bk', 'bkStride', 'av', 'avStride', 'bv', 'bvStride',
] as const;

/** `form` of CacheShape, by its number. */
export const FORMS = ['contextual', 'fixed', 'shared', 'outer', 'latent'] as const;

/** Queries in memory: addresses, and numbers between tokens. */
export interface QueryRows {
  /** (heads, rankQ) of each token; with rankQ 0 the full query (heads, headDim) */
  readonly aq: number;
  readonly aqStride: number;
  /** (rankQ, headDim) of each token */
  readonly bq: number;
  readonly bqStride: number;
  readonly rankQ: number;
}

/** Factors of tokens in memory, outside the pages: addresses, and numbers between tokens. */
export type FactorRows = Readonly<Record<(typeof FACTOR_ROWS)[number], number>>;

/** Factors that are parameters of the model, and tables to rotate keys by; addresses, 0 for none. */
export interface FixedFactors {
  /**
   * A_K (rankK, heads, 48), each number in all 48 lanes, and a row more that is read and not used;
   * A_V (rankV, heads, 48).
   */
  readonly ak?: number;
  readonly av?: number;
  /** B_K (rankK, headDim), and B_V (rankV, 96, valueDim rounded up to 4), each row 96 times. */
  readonly bk?: number;
  readonly bv?: number;
  /** Cosines and sines (positions, pairs), of all positions of all pages. */
  readonly cos?: number;
  readonly sin?: number;
  readonly pairs?: number;
  readonly direction?: RopeDirection;
}

export const CACHE_SHAPE_BYTES = bytesOf(CACHE_SHAPE.length);

/** Writes the CacheShape of a mechanism; returns its address. */
export function writeShape(
  heap: Heap,
  at: number,
  spec: AttentionSpec,
  fixed: FixedFactors = {},
  cacheDtype: CacheDtype = 'f32',
): number {
  const { heads, headDim, valueDim, rankK, rankV, outerDim = 0 } = spec;
  const form = FORMS.indexOf(spec.featureFactors ?? 'contextual');
  const sizes = { heads, headDim, valueDim, rankK, rankV, outerDim, form, ...storedNumbers(spec) };
  const none = { ak: 0, av: 0, bk: 0, bv: 0, cos: 0, sin: 0, pairs: 0, direction: 0 };
  const dtype = CACHE_DTYPES.indexOf(cacheDtype);
  writeWords(heap, at, CACHE_SHAPE, { ...none, ...fixed, ...sizes, dtype });
  // the one field that is no word but a float32
  const direction = numberAt(at, CACHE_SHAPE.indexOf('direction'));
  heap.floats(direction, 1)[0] = fixed.direction ?? 1;
  return at;
}

/** Writes the QueryRows of `count` queries; returns its address. */
export function writeQueries(heap: Heap, at: number, rows: QueryRows, count: number): number {
  return writeWords(heap, at, QUERY_ROWS, { ...rows, count });
}

/** Writes FactorRows; returns its address. */
export function writeFactors(heap: Heap, at: number, rows: FactorRows): number {
  return writeWords(heap, at, FACTOR_ROWS, rows);
}

function writeWords<F extends string>(
  heap: Heap,
  at: number,
  fields: readonly F[],
  record: Readonly<Record<F, number>>,
): number {
  const words = heap.words(at, fields.length);
  for (const [i, field] of fields.entries()) words[i] = record[field];
  return at;
}
