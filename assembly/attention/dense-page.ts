import { productAdd, productStore } from '../product/strips';
import { keyScratch, keysOfTile } from '../cache/keys';
import { mask, raiseMax, weigh } from './softmax';
import { bvRows, PAGE_ROW, PAGE_TOKENS, TILE, TILE_ROW, valueRow } from '../layout/pages';
import { CacheShape } from '../layout/records';

/*
 * Queries of some K/V heads against one page: logits, online softmax, values. All keys of the
 * page are read before its values, in the order they lie in: a stream of 12 KB a head ends before
 * it is worth its start (docs/adr/0007-dense-attention.md).
 */

/** Rows of a K/V head at a time: their logits are 18 KB and stay in the cache beside a strip of keys. */
const ROWS: usize = 48;
/** Steps of headDim at a time, as in matmul: a strip of 24 keys is 12 KB of a 32 KB cache. */
const DEPTH: usize = 128;

/** Bytes of scratch that {@link densePage} needs for `kvHeads` heads of `rows` rows. */
export function pageScratch(shape: CacheShape, kvHeads: usize, rows: usize): usize {
  return kvHeads * min(rows, ROWS) * PAGE_ROW + (keyScratch(shape) << 1);
}

/** First position that a query at `position` sees; all with window 0. */
@inline
export function seenFrom(position: usize, window: usize): usize {
  return window && position >= window ? position + 1 - window : 0;
}

/**
 * Adds a page to the running softmax of K/V heads g … g + kvHeads.
 *
 * @param queries (kvHeads, rows, headDim), in base 2; row i is a query at position + i % count
 * @param acc (kvHeads, rows, valueStride), followed by the running sums (kvHeads, rows) and maxima
 * @param first position of the page's first token
 */
export function densePage(
  queries: usize,
  acc: usize,
  page: usize,
  shape: CacheShape,
  scratch: usize,
  g: usize,
  kvHeads: usize,
  rows: usize,
  first: usize,
  position: usize,
  count: usize,
  window: usize,
): void {
  const headDim = <usize>shape.headDim,
    headBytes = headDim << 2,
    row = valueRow(shape);
  const sums = acc + kvHeads * rows * row,
    maxima = sums + ((kvHeads * rows) << 2);
  const w = scratch, // (kvHeads, rows at a time, 96) logits, then weights
    keys = w + kvHeads * min(rows, ROWS) * PAGE_ROW; // (2, headDim, 48), unless in the page

  // what no query sees may be anything, NaN too: its logits are masked, its values not read
  const start = seenFrom(position, window);
  const low: usize = start > first ? start - first : 0,
    high = min(PAGE_TOKENS, position + count - first);
  const left = low - (low % TILE),
    right = ((high + TILE - 1) / TILE) * TILE;
  const tileBytes = headDim * TILE_ROW;
  const keys0: usize = left ? 0 : keysOfTile(page, 0, first, shape, keys) + g * tileBytes,
    keys1: usize = right > TILE ? keysOfTile(page, 1, first, shape, keys + keyScratch(shape)) + g * tileBytes : 0;
  const values = bvRows(page, shape) + (g * PAGE_TOKENS + low) * row;

  for (let i: usize = 0; i < rows; i += ROWS) {
    const some = min(ROWS, rows - i),
      plane = some * PAGE_ROW;
    const q = queries + i * headBytes;
    for (let h: usize = 0; keys0 && h < kvHeads; h++) {
      denseTile(w + h * plane, q + h * rows * headBytes, keys0 + h * tileBytes, some, headDim);
    }
    for (let h: usize = 0; keys1 && h < kvHeads; h++) {
      denseTile(w + h * plane + TILE_ROW, q + h * rows * headBytes, keys1 + h * tileBytes, some, headDim);
    }
    for (let j: usize = 0; j < kvHeads * some; j++) {
      const cell = (j / some) * rows + i + (j % some),
        at = position + (cell % count),
        logits = w + j * PAGE_ROW;
      const seen = seenFrom(at, window);
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
    for (let h: usize = 0; h < kvHeads; h++) {
      const to = acc + (h * rows + i) * row,
        weights = w + h * plane + (low << 2);
      productAdd(to, weights, values + h * row * PAGE_TOKENS, some, row >> 2, high - low, row, PAGE_ROW, row);
    }
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
