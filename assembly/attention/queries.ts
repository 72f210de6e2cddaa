import { splatBytes, splatRows } from '../product/splat';
import { queryOfHead } from '../cache/materialize';
import { QueryRows, rowOf } from '../layout/records';

/** Splats the factors of some queries: A of each times scale, B of all of them as one matrix. */
export function splatQueries(
  a: usize,
  b: usize,
  queries: QueryRows,
  heads: usize,
  headDim: usize,
  scale: f32,
  firstQuery: usize,
  count: usize,
): void {
  const rankQ = <usize>queries.rankQ;
  const inner = rankQ ? rankQ : headDim;
  for (let t: usize = 0; t < count; t++) {
    const from = rowOf(queries.aq, queries.aqStride, firstQuery + t);
    splatRows(a + t * splatBytes(heads, inner), from, heads, inner, scale, 0);
    const factors = rowOf(queries.bq, queries.bqStride, firstQuery + t);
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
