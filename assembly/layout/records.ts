/*
 * The records that the host writes into memory and the kernels read: words of four bytes in this
 * order. The debug binary exports their offsets by name (assembly/debug.ts).
 */

/** B_K and B_V are in the page as they are used. */
export const STORED: u32 = 0;
/** B_K and B_V are parameters; B_K is rotated to its token's position. */
export const FIXED: u32 = 1;
/** B_K is B_V, rotated to its token's position. */
export const SHARED: u32 = 2;
/** The page holds b and c of b ⊗ c. */
export const OUTER: u32 = 3;
/** B_K is B_V, the latent, followed by the stored rows of B_K. */
export const LATENT: u32 = 4;

/** Pages of float32 (pages.ts), or of codes of 16 or 8 bits (code-pages.ts). */
export const F32: u32 = 0;
export const I16: u32 = 1;
export const Q8: u32 = 2;

/** What the kernels know of a cache; written once by the host, words in this order. */
@unmanaged
export class CacheShape {
  heads: u32;
  headDim: u32;
  valueDim: u32;
  rankK: u32;
  rankV: u32;
  /** Numbers of a B_K in the page. */
  keyRows: u32;
  /** heads, or 0 where A is not in the page. */
  headRows: u32;
  /** Numbers of a B_V in the page. */
  valueRows: u32;
  /** STORED … LATENT. */
  form: u32;
  /** Width of c with OUTER. */
  outerDim: u32;
  /**
   * With headRows = 0: A_K (rankK, heads, 48) and A_V (rankV, heads, 48), a number in every lane;
   * with odd heads the row after A_K is read too, and not used.
   */
  ak: u32;
  av: u32;
  /** With FIXED: B_K (rankK, headDim), and B_V (rankV, 96, valueStride), the same row for all tokens. */
  bk: u32;
  bv: u32;
  /** With FIXED and SHARED: tables (positions up to the end of the last page, pairs). */
  cos: u32;
  sin: u32;
  pairs: u32;
  direction: f32;
  /** F32 … Q8. */
  dtype: u32;
}

/** A block of queries: addresses, and numbers between tokens. */
@unmanaged
export class QueryRows {
  /** (count, heads, rankQ); with rankQ = 0 the full query (count, heads, headDim) */
  aq: u32;
  aqStride: u32;
  /** (count, rankQ, headDim) */
  bq: u32;
  bqStride: u32;
  rankQ: u32;
  count: u32;
}

/** Where the factors of tokens lie outside the pages: addresses, and numbers between tokens. */
@unmanaged
export class FactorRows {
  ak: u32;
  akStride: u32;
  bk: u32;
  bkStride: u32;
  av: u32;
  avStride: u32;
  bv: u32;
  bvStride: u32;
}

/** Address of token t in rows at `at`, `stride` numbers apart. */
@inline
export function rowOf(at: u32, stride: u32, t: usize): usize {
  return <usize>at + ((t * stride) << 2);
}
