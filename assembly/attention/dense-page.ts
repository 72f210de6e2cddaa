import { productAdd, productStore } from '../simd/product';
import { keyScratch, keysOfTile } from './keys';
import { mask, raiseMax, weigh } from './softmax';
import { bvRows, CacheShape, PAGE_ROW, PAGE_TOKENS, TILE, TILE_ROW, valueRow } from './tiles';

/*
 * Queries of the heads that share a K/V head against one page of it: logits, online softmax,
 * values. The rows of all those heads are one product, the fewer of them odd.
 */

/** Rows at a time: their logits are 18 KB and stay in the cache beside a strip of keys. */
const ROWS: usize = 48;
/** Steps of headDim at a time, as in matmul: a strip of 24 keys is 12 KB of a 32 KB cache. */
const DEPTH: usize = 128;

/** Bytes of scratch that {@link densePage} needs. */
export function pageScratch(shape: CacheShape, rows: usize): usize {
  return min(rows, ROWS) * PAGE_ROW + (keyScratch(shape) << 1);
}

/** First position that a query at `position` sees. */
// @ts-ignore: decorator
@inline
export function seenFrom(position: usize, window: usize): usize {
  return position < window ? 0 : position + 1 - window;
}

/**
 * Adds a page to the running softmax of K/V head g.
 *
 * @param queries (rows, headDim), in base 2; row i is a query at position + i % count
 * @param acc (rows, valueStride), followed by the running sums (rows) and maxima (rows)
 * @param first position of the page's first token
 * @param window 0 for none
 */
export function densePage(
  queries: usize,
  acc: usize,
  page: usize,
  shape: CacheShape,
  scratch: usize,
  g: usize,
  rows: usize,
  first: usize,
  position: usize,
  count: usize,
  window: usize,
): void {
  const headDim = <usize>shape.headDim,
    row = valueRow(shape),
    keyBytes = keyScratch(shape);
  const sums = acc + rows * row,
    maxima = sums + (rows << 2);
  const w = scratch, // (rows at a time, 96) logits, then weights
    keys = w + min(rows, ROWS) * PAGE_ROW; // (2, headDim, 48), unless in the page

  // what no query sees may be anything, NaN too: its logits are masked, its values not read
  const start: usize = window ? seenFrom(position, window) : 0;
  const low: usize = start > first ? start - first : 0,
    high = min(PAGE_TOKENS, position + count - first);
  const left = low - (low % TILE),
    right = ((high + TILE - 1) / TILE) * TILE;
  const perTile = g * (headDim * TILE_ROW);
  const keys0: usize = left ? 0 : keysOfTile(page, 0, first, shape, keys) + perTile,
    keys1: usize = right > TILE ? keysOfTile(page, 1, first, shape, keys + keyBytes) + perTile : 0;
  const values = bvRows(page, shape) + (g * PAGE_TOKENS + low) * row;

  for (let i: usize = 0; i < rows; i += ROWS) {
    const some = min(ROWS, rows - i);
    const q = queries + i * (headDim << 2);
    if (keys0) denseTile(w, q, keys0, some, headDim);
    if (keys1) denseTile(w + TILE_ROW, q, keys1, some, headDim);
    for (let j: usize = 0; j < some; j++) {
      const cell = i + j,
        at = position + (cell % count),
        logits = w + j * PAGE_ROW;
      const seen: usize = window ? seenFrom(at, window) : 0;
      const from: usize = seen > first ? seen - first : 0,
        to: usize = at < first ? 0 : min(high, at + 1 - first);
      if (from >= to) {
        memory.fill(logits, 0, right << 2);
        continue;
      }
      mask(logits, left, from);
      mask(logits, to, right);
      const shown = logits + (left << 2),
        sum = sums + (cell << 2);
      const max = raiseMax(shown, right - left, maxima + (cell << 2), sum, acc + cell * row, row);
      store<f32>(sum, load<f32>(sum) + weigh(shown, right - left, max, 0, 0, 0, 0, 0));
    }
    productAdd(acc + i * row, w + (low << 2), values, some, row >> 2, high - low, row, PAGE_ROW, row);
  }
}

/** Logits of a tile (rows, 48), rows PAGE_ROW apart, summed in the order of headDim however it is cut. */
function denseTile(out: usize, q: usize, k: usize, rows: usize, headDim: usize): void {
  const row = headDim << 2;
  productStore(out, q, k, rows, TILE, min(headDim, DEPTH), PAGE_ROW, row, TILE_ROW);
  for (let d = DEPTH; d < headDim; d += DEPTH) {
    const depth = min(DEPTH, headDim - d);
    productAdd(out, q + (d << 2), k + d * TILE_ROW, rows, TILE, depth, PAGE_ROW, row, TILE_ROW);
  }
}
