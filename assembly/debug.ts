import { CacheShape, FactorRows, QueryRows } from './layout/records';

/*
 * The debug binary: the kernels with their asserts, and the numbers that the host must know too,
 * by name, so that a test can compare them. Offsets are bytes from the start of a record.
 */

export * from './index';
export { linearStateBytes } from './attention/linear';
export { codePageBytes, LARGEST_I16, LARGEST_Q8 } from './layout/code-pages';
export { pageBytes, PAGE_TOKENS, TILE } from './layout/pages';
export { PANEL } from './layout/panels';
export { F32, FIXED, I16, LATENT, OUTER, Q8, SHARED, STORED } from './layout/records';

/** Offsets of CacheShape. */
export enum CacheShapeOffset {
  heads = offsetof<CacheShape>('heads'),
  headDim = offsetof<CacheShape>('headDim'),
  valueDim = offsetof<CacheShape>('valueDim'),
  rankK = offsetof<CacheShape>('rankK'),
  rankV = offsetof<CacheShape>('rankV'),
  keyRows = offsetof<CacheShape>('keyRows'),
  headRows = offsetof<CacheShape>('headRows'),
  valueRows = offsetof<CacheShape>('valueRows'),
  form = offsetof<CacheShape>('form'),
  outerDim = offsetof<CacheShape>('outerDim'),
  ak = offsetof<CacheShape>('ak'),
  av = offsetof<CacheShape>('av'),
  bk = offsetof<CacheShape>('bk'),
  bv = offsetof<CacheShape>('bv'),
  cos = offsetof<CacheShape>('cos'),
  sin = offsetof<CacheShape>('sin'),
  pairs = offsetof<CacheShape>('pairs'),
  direction = offsetof<CacheShape>('direction'),
  dtype = offsetof<CacheShape>('dtype'),
}

/** Offsets of QueryRows. */
export enum QueryRowsOffset {
  aq = offsetof<QueryRows>('aq'),
  aqStride = offsetof<QueryRows>('aqStride'),
  bq = offsetof<QueryRows>('bq'),
  bqStride = offsetof<QueryRows>('bqStride'),
  rankQ = offsetof<QueryRows>('rankQ'),
  count = offsetof<QueryRows>('count'),
}

/** Offsets of FactorRows. */
export enum FactorRowsOffset {
  ak = offsetof<FactorRows>('ak'),
  akStride = offsetof<FactorRows>('akStride'),
  bk = offsetof<FactorRows>('bk'),
  bkStride = offsetof<FactorRows>('bkStride'),
  av = offsetof<FactorRows>('av'),
  avStride = offsetof<FactorRows>('avStride'),
  bv = offsetof<FactorRows>('bv'),
  bvStride = offsetof<FactorRows>('bvStride'),
}
