import { splatBytes, splatRows } from '../product/splat';
import { queryOfHead } from '../cache/materialize';
import { CacheShape } from '../layout/pages';

/** A block of queries: addresses, and numbers between tokens. Six u32, written by the host. */
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

/** Splats the factors of every query: A of some heads times scale, B of all queries as one matrix. */
export function splatQueries(
  a: usize,
  b: usize,
  queries: QueryRows,
  headDim: usize,
  scale: f32,
  firstHead: usize,
  heads: usize,
): void {
  const rankQ = <usize>queries.rankQ,
    count = <usize>queries.count;
  const inner = rankQ ? rankQ : headDim;
  for (let t: usize = 0; t < count; t++) {
    const from = <usize>queries.aq + (t * queries.aqStride + firstHead * inner) * 4;
    splatRows(a + t * splatBytes(heads, inner), from, heads, inner, scale, 0);
    const factors = <usize>queries.bq + t * queries.bqStride * 4;
    splatRows(b, factors, rankQ, headDim, 1, t * rankQ);
  }
}

/** q (count, headDim) of head h times scale. */
export function queriesOfHead(q: usize, queries: QueryRows, h: usize, headDim: usize, scale: f32): void {
  const count = <usize>queries.count;
  queryOfHead(
    q,
    headDim << 2,
    queries.aq,
    queries.aqStride,
    queries.bq,
    queries.bqStride,
    queries.rankQ,
    h,
    count,
    headDim,
    scale,
  );
}

/** q (heads, count, headDim) of some heads times scale, for products with dense keys. */
export function denseQueries(
  q: usize,
  queries: QueryRows,
  headDim: usize,
  scale: f32,
  firstHead: usize,
  heads: usize,
): void {
  const count = <usize>queries.count;
  for (let h = firstHead; h < firstHead + heads; h++) {
    queriesOfHead(q, queries, h, headDim, scale);
    q += count * (headDim << 2);
  }
}
