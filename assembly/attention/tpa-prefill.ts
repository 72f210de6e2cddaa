import { productAdd, productStore } from '../simd/product';
import { scaleRow } from '../simd/scale';
import { splatBytes, splatRows, splatScale, splatScaleAdd, splatStore } from '../simd/splat';
import { keysOfHead, queryOfHead, valuesOfHead } from './materialize';
import { LOG2E, LOWEST, mask, raiseMax, weigh } from './softmax';
import { akTile, avTile, bkTile, bvRows, CacheShape, PAGE_ROW, PAGE_TOKENS, TILE, TILE_ROW, valueRow } from './tiles';

/** A block of queries: addresses, and numbers between tokens. Six u32, written by the host. */
@unmanaged
class QueryRows {
  /** (count, heads, rankQ); with rankQ = 0 the full query (count, heads, headDim) */
  aq: u32;
  aqStride: u32;
  /** (count, rankQ, headDim) */
  bq: u32;
  bqStride: u32;
  rankQ: u32;
  count: u32;
}

// @ts-ignore: decorator
@inline
function even(n: usize): usize {
  return (n + 1) & ~1;
}

/**
 * Rows of w and acc for each head: the queries, and a pair more, lest heads lie a power of two
 * apart and share the sets of a cache.
 */
// @ts-ignore: decorator
@inline
function rowsPerHead(count: usize): usize {
  return even(count) + 2;
}

/** Bytes of scratch that {@link tpaPrefill} needs. */
export function tpaPrefillScratch(shapeAt: usize, rankQ: usize, count: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  const heads = <usize>shape.heads,
    headDim = <usize>shape.headDim,
    row = valueRow(shape);
  return (
    max<usize>(
      count * splatBytes(heads, rankQ ? rankQ : headDim) +
        splatBytes(count * rankQ, headDim) +
        even(count * rankQ) * TILE_ROW,
      heads * count * (headDim << 2) + headDim * TILE_ROW,
    ) +
    row * PAGE_TOKENS +
    even(heads) * rowsPerHead(count) * (PAGE_ROW + row + 8)
  );
}

/**
 * Causal attention of a block of queries over cached factors, never a T × T matrix in memory:
 * logits of one page at a time, online softmax. Query t sits at position + t and sees the keys
 * up to its own. Same formula as tpaDecode; V is formed once a page when rankV > 1 (it costs
 * h d + h rankV d / count instead of h rankV d a key and query), K when `isDenseKeys`.
 *
 * @param out (count, heads, valueDim)
 * @param queriesAt QueryRows
 * @param pages u32 addresses of ceil((position + count) / 64) pages
 * @param scratch tpaPrefillScratch bytes; out and scratch overlap nothing
 * Any alignment. Max error: design.md, Numerics.
 */
export function tpaPrefill(
  out: usize,
  queriesAt: usize,
  pages: usize,
  shapeAt: usize,
  scratch: usize,
  position: usize,
  scale: f32,
  isDenseKeys: bool,
): void {
  const shape = changetype<CacheShape>(shapeAt),
    queries = changetype<QueryRows>(queriesAt);
  const heads = <usize>shape.heads,
    headDim = <usize>shape.headDim,
    rankV = <usize>shape.rankV;
  const rankQ = <usize>queries.rankQ,
    count = <usize>queries.count;
  const inner = rankQ ? rankQ : headDim;
  const row = valueRow(shape);
  const rows = rowsPerHead(count),
    plane = rows * PAGE_ROW,
    cells = even(heads) * rows;

  const v = scratch; // (64, valueStride)
  const w = v + row * PAGE_TOKENS; // (heads, rows, 64): logits, then weights
  const acc = w + cells * PAGE_ROW; // (heads, rows, valueStride)
  const sums = acc + cells * row; // (heads, rows)
  const maxima = sums + (cells << 2); // (heads, rows)
  const a = maxima + (cells << 2); // factored: (count, heads, inner) splatted; dense: q (heads, count, headDim)
  const b = a + count * splatBytes(heads, inner); // factored: (count · rankQ, headDim) splatted
  const p = b + splatBytes(count * rankQ, headDim); // factored: (count · rankQ, 32)
  const k = a + heads * count * (headDim << 2); // dense: (headDim, 32)

  memory.fill(acc, 0, cells * (row + 4));
  for (let i: usize = 0; i < cells; i++) store<f32>(maxima + (i << 2), LOWEST);
  if (isDenseKeys) {
    for (let h: usize = 0; h < heads; h++) {
      queryOfHead(
        a + h * count * (headDim << 2),
        queries.aq,
        queries.aqStride,
        queries.bq,
        queries.bqStride,
        rankQ,
        h,
        count,
        headDim,
        scale * LOG2E,
      );
    }
  } else {
    splatQueries(a, b, queries, shape, scale * LOG2E);
  }

  const end = position + count;
  for (let first: usize = 0; first < end; first += PAGE_TOKENS) {
    const page = <usize>load<u32>(pages + ((first / PAGE_TOKENS) << 2));
    const tokens = min<usize>(PAGE_TOKENS, end - first);
    const columns = (tokens + TILE - 1) & ~(TILE - 1);
    for (let t: usize = 0; t < columns / TILE; t++) {
      const bk = bkTile(page, t, shape),
        ak = akTile(page, t, shape),
        to = w + t * TILE_ROW;
      if (isDenseKeys) denseLogits(to, a, k, bk, ak, shape, count, plane);
      else factoredLogits(to, a, b, p, bk, ak, shape, rankQ, count, plane);
    }
    const av = avTile(page, 0, shape),
      tileStride = rankV * heads * TILE_ROW;
    for (let h: usize = 0; h < heads; h++) {
      for (let t: usize = 0; t < count; t++) {
        const cell = h * rows + t,
          logits = w + cell * PAGE_ROW,
          sum = sums + (cell << 2);
        const seen = position + t + 1;
        mask(logits, seen > first ? min(seen - first, tokens) : 0, columns);
        const peak = raiseMax(logits, columns, maxima + (cell << 2), sum, acc + cell * row, row);
        const factor = av + h * TILE_ROW;
        const added =
          rankV == 1
            ? weigh(logits, columns, peak, factor, tileStride, true)
            : weigh(logits, columns, peak, 0, 0, false);
        store<f32>(sum, load<f32>(sum) + added);
      }
    }
    const bv = bvRows(page, shape);
    for (let h: usize = 0; h < heads; h++) {
      if (rankV > 1) valuesOfHead(v, bv, av, h, tokens, shape);
      const values = rankV > 1 ? v : bv;
      productAdd(acc + h * rows * row, w + h * plane, values, count, row >> 2, tokens, row, PAGE_ROW, row);
    }
  }

  const valueBytes = (<usize>shape.valueDim) << 2;
  for (let t: usize = 0; t < count; t++) {
    for (let h: usize = 0; h < heads; h++) {
      const cell = h * rows + t;
      const factor = <f32>1 / (load<f32>(sums + (cell << 2)) * <f32>rankV);
      scaleRow(out, acc + cell * row, shape.valueDim, factor);
      out += valueBytes;
    }
  }
}

/** Splats the factors of every query: A times scale, B of all queries as one matrix. */
function splatQueries(a: usize, b: usize, queries: QueryRows, shape: CacheShape, scale: f32): void {
  const heads = <usize>shape.heads,
    headDim = <usize>shape.headDim;
  const rankQ = <usize>queries.rankQ,
    count = <usize>queries.count;
  const inner = rankQ ? rankQ : headDim;
  for (let t: usize = 0; t < count; t++) {
    const from = <usize>queries.aq + t * queries.aqStride * 4;
    splatRows(a + t * splatBytes(heads, inner), from, heads, inner, scale, 0, heads);
    const factors = <usize>queries.bq + t * queries.bqStride * 4;
    splatRows(b, factors, rankQ, headDim, 1, t * rankQ, count * rankQ);
  }
}

/** Logits of one tile for all queries, from P = B_Q B_K shared by all heads. */
function factoredLogits(
  out: usize,
  a: usize,
  b: usize,
  p: usize,
  bk: usize,
  ak: usize,
  shape: CacheShape,
  rankQ: usize,
  count: usize,
  plane: usize,
): void {
  const heads = <usize>shape.heads,
    headDim = <usize>shape.headDim;
  const inner = rankQ ? rankQ : headDim;
  for (let s: u32 = 0; s < shape.rankK; s++) {
    if (rankQ) splatStore(p, b, bk, count * rankQ, headDim, TILE_ROW);
    for (let t: usize = 0; t < count; t++) {
      const to = out + t * PAGE_ROW,
        from = a + t * splatBytes(heads, inner);
      const keys = rankQ ? p + t * rankQ * TILE_ROW : bk;
      if (s == 0) splatScale(to, from, keys, heads, inner, plane, ak);
      else splatScaleAdd(to, from, keys, heads, inner, plane, ak);
    }
    bk += headDim * TILE_ROW;
    ak += heads * TILE_ROW;
  }
}

/** Logits of one tile for all queries, head by head from a dense key tile. */
function denseLogits(
  out: usize,
  q: usize,
  k: usize,
  bk: usize,
  ak: usize,
  shape: CacheShape,
  count: usize,
  plane: usize,
): void {
  const headDim = <usize>shape.headDim,
    qBytes = count * (headDim << 2);
  for (let h: usize = 0; h < shape.heads; h++) {
    keysOfHead(k, bk, ak, h, shape);
    productStore(out, q, k, count, TILE, headDim, PAGE_ROW, headDim << 2, TILE_ROW);
    out += plane;
    q += qBytes;
  }
}
