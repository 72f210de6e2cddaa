import { LOG2E } from '../simd/exp2';
import { productAdd } from '../product/strips';
import { scaleRow } from '../simd/scale';
import { even, splatBytes } from '../product/splat';
import { imageScratch, pageAt } from '../cache/image';
import { keyScratch, keysOfTile } from '../cache/keys';
import { denseLogits, factoredLogits } from './logits';
import { valuesOfHead } from '../cache/materialize';
import { denseQueries, splatQueries } from './queries';
import { LOWEST, mask, raiseMax, weigh } from './softmax';
import { valueScratch, valuesOfPage } from '../cache/values';
import { akTile, avTile, avTileStride, valueRow, PAGE_ROW, PAGE_TOKENS, TILE, TILE_ROW } from '../layout/pages';
import { CacheShape, QueryRows } from '../layout/records';

/**
 * Rows of w and acc for each head: the queries, and a pair more, lest heads lie a power of two
 * apart and share the sets of a cache.
 */
@inline
function rowsPerHead(count: usize): usize {
  return even(count) + 2;
}

/** Bytes of scratch that {@link tpaPrefill} needs for any range. */
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
    even(heads) * rowsPerHead(count) * (PAGE_ROW + row + 8) +
    keyScratch(shape) +
    valueScratch(shape) +
    imageScratch(shapeAt)
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
 * @param pages u32 addresses of ceil((position + count) / 96) pages
 * @param scratch tpaPrefillScratch bytes; out and scratch overlap nothing
 * @param some of the heads, which have keys of their own, with `isDenseKeys`, else of the queries, whose factored logits
 *   all heads share; from `from` on, as far as there are; of out, only theirs is written
 * Any alignment. Max error: docs/numerics.md.
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
  from: usize,
  some: usize,
): void {
  const shape = changetype<CacheShape>(shapeAt),
    queries = changetype<QueryRows>(queriesAt);
  const headDim = <usize>shape.headDim,
    rankV = <usize>shape.rankV,
    rankQ = <usize>queries.rankQ,
    block = <usize>queries.count;
  assert(shape.heads && headDim && rankV && shape.rankK && block, 'tpaPrefill: an empty shape or block');
  some = min(some, (isDenseKeys ? <usize>shape.heads : block) - from);
  const firstHead: usize = isDenseKeys ? from : 0,
    heads: usize = isDenseKeys ? some : shape.heads;
  const firstQuery: usize = isDenseKeys ? 0 : from,
    count: usize = isDenseKeys ? block : some;
  const inner = rankQ ? rankQ : headDim,
    row = valueRow(shape),
    rows = rowsPerHead(count),
    plane = rows * PAGE_ROW,
    cells = even(heads) * rows,
    skipped = firstHead * TILE_ROW; // bytes of ak and av before the first head

  const v = scratch; // (96, valueStride)
  const w = v + row * PAGE_TOKENS; // (heads, rows, 96): logits, then weights
  const acc = w + cells * PAGE_ROW; // (heads, rows, valueStride)
  const sums = acc + cells * row; // (heads, rows)
  const maxima = sums + (cells << 2); // (heads, rows)
  const keys = maxima + (cells << 2); // (rankK, headDim, 48), unless in the page
  const bvs = keys + keyScratch(shape); // (rankV, 96, valueStride), unless in the page
  const image = bvs + valueScratch(shape); // of a page of codes
  const a = image + imageScratch(shapeAt); // factored: (count, heads, inner) splatted; dense: q (heads, count, headDim)
  const b = a + count * splatBytes(heads, inner); // factored: (count · rankQ, headDim) splatted
  const p = b + splatBytes(count * rankQ, headDim); // factored: (count · rankQ, 48)
  const k = a + heads * count * (headDim << 2); // dense: (headDim, 48)

  memory.fill(acc, 0, cells * (row + 4));
  for (let i: usize = 0; i < cells; i++) store<f32>(maxima + (i << 2), LOWEST);
  if (isDenseKeys) denseQueries(a, queries, headDim, scale * LOG2E, firstHead, heads);
  else splatQueries(a, b, queries, heads, headDim, scale * LOG2E, firstQuery, count);

  const end = position + block; // not of the range, lest the bits depend on it
  for (let first: usize = 0; first < end; first += PAGE_TOKENS) {
    const page = pageAt(pages, first, shape, image);
    const tokens = min<usize>(PAGE_TOKENS, end - first);
    const columns = ((tokens + TILE - 1) / TILE) * TILE;
    for (let t: usize = 0; t < columns / TILE; t++) {
      const bk = keysOfTile(page, t, first, shape, keys),
        ak = akTile(page, t, shape) + skipped,
        to = w + t * TILE_ROW;
      if (isDenseKeys) denseLogits(to, a, k, bk, ak, shape, count, heads, plane);
      else factoredLogits(to, a, b, p, bk, ak, shape, rankQ, count, heads, plane);
    }
    const av = avTile(page, shape) + skipped;
    for (let h: usize = 0; h < heads; h++) {
      for (let t: usize = 0; t < count; t++) {
        const cell = h * rows + t,
          logits = w + cell * PAGE_ROW,
          sum = sums + (cell << 2);
        mask(logits, min(max(position + firstQuery + t + 1, first), first + tokens) - first, columns);
        const peak = raiseMax(logits, columns, maxima + (cell << 2), sum, acc + cell * row, row);
        const added =
          rankV == 1
            ? weigh(logits, columns, peak, av + h * TILE_ROW, avTileStride(shape), 0, 0, 1)
            : weigh(logits, columns, peak, 0, 0, 0, 0, 0);
        store<f32>(sum, load<f32>(sum) + added);
      }
    }
    const bv = valuesOfPage(page, tokens, shape, bvs);
    for (let h: usize = 0; h < heads; h++) {
      if (rankV > 1) valuesOfHead(v, bv, av, h, tokens, shape);
      const values = rankV > 1 ? v : bv;
      productAdd(acc + h * rows * row, w + h * plane, values, count, row >> 2, tokens, row, PAGE_ROW, row);
    }
  }

  for (let t: usize = 0; t < count; t++) {
    for (let h: usize = 0; h < heads; h++) {
      const cell = h * rows + t,
        to = out + ((((firstQuery + t) * shape.heads + firstHead + h) * shape.valueDim) << 2);
      scaleRow(to, acc + cell * row, shape.valueDim, <f32>1 / (load<f32>(sums + (cell << 2)) * <f32>rankV));
    }
  }
}
