import { productAdd, productStore } from '../product/strips';
import { imageOf, imageScratch } from '../cache/image';
import { keyScratch, keysOfTile } from '../cache/keys';
import { mask, raiseMax, weigh } from './softmax';
import { bvRows, PAGE_ROW, PAGE_TOKENS, TILE, TILE_ROW, valueRow } from '../layout/pages';
import { CacheShape } from '../layout/records';

/*
 * Queries of some heads against one page: logits, online softmax, values. All keys of the
 * page are read before its values, in the order they lie in: a stream of 12 KB a head ends before
 * it is worth its start (docs/adr/0007-dense-attention.md).
 */

/** Rows at a time: their logits are 18 KB and stay in the cache beside a strip of keys. */
const ROWS: usize = 48;
/** Steps of headDim at a time, as in matmul: a strip of 24 keys is 12 KB of a 32 KB cache. */
const DEPTH: usize = 128;

/** A part of the rows, but all heads of MHA: each has keys of its own, and phases are long streams. */
@inline
function rowsAtOnce(shape: CacheShape, rows: usize): usize {
  return shape.heads == shape.rankK ? rows : min(rows, ROWS);
}

/** Bytes of scratch that {@link densePage} needs for so many rows. */
export function pageScratch(shape: CacheShape, rows: usize): usize {
  return rowsAtOnce(shape, rows) * PAGE_ROW + (keyScratch(shape) << 1) + imageScratch(changetype<usize>(shape));
}

/** First position that a query at `position` sees; all with window 0. */
@inline
export function seenFrom(position: usize, window: usize): usize {
  return window && position >= window ? position + 1 - window : 0;
}

/**
 * Adds a page to the running softmax of rows firstRow … firstRow + rows of the queries (heads,
 * count). The rows of a K/V head meet it in one product; a range may begin and end within them.
 *
 * @param queries (rows, headDim), in base 2; row h · count + t is the query at position + t of head h
 * @param acc (rows, valueStride), followed by the running sums (rows) and maxima
 * @param first position of the page's first token
 */
export function densePage(
  queries: usize,
  acc: usize,
  stored: usize,
  shape: CacheShape,
  scratch: usize,
  firstRow: usize,
  rows: usize,
  first: usize,
  position: usize,
  count: usize,
  window: usize,
): void {
  const headDim = <usize>shape.headDim,
    headBytes = headDim << 2,
    row = valueRow(shape);
  const sums = acc + rows * row,
    maxima = sums + (rows << 2);
  const atOnce = rowsAtOnce(shape, rows),
    w = scratch, // (atOnce, 96) logits, then weights
    keys = w + atOnce * PAGE_ROW, // (2, headDim, 48), unless in the page
    image = keys + (keyScratch(shape) << 1); // of a page of codes
  const group = (<usize>shape.heads / shape.rankK) * count, // rows of a K/V head
    firstHead = firstRow / group,
    page = imageOf(stored, shape, image, firstHead, (firstRow + rows - 1) / group + 1 - firstHead);

  // what no query sees may be anything, NaN too: its logits are masked, its values not read. All
  // of this follows from the whole block, whose bits would otherwise depend on the range
  const start = seenFrom(position, window);
  const low: usize = start > first ? start - first : 0,
    high = min(PAGE_TOKENS, position + count - first);
  const left = low - (low % TILE),
    right = ((high + TILE - 1) / TILE) * TILE;
  const tileBytes = headDim * TILE_ROW;
  const keys0: usize = left ? 0 : keysOfTile(page, 0, first, shape, keys),
    keys1: usize = right > TILE ? keysOfTile(page, 1, first, shape, keys + keyScratch(shape)) : 0;
  const values = bvRows(page, shape) + low * row;

  let g = firstHead, // K/V head of row i
    rest = (g + 1) * group - firstRow; // rows that it still has
  for (let i: usize = 0; i < rows; i += atOnce) {
    const some = min(atOnce, rows - i),
      q = queries + i * headBytes;
    if (keys0) denseTile(w, q, keys0 + g * tileBytes, some, rest, group, headDim);
    if (keys1) denseTile(w + TILE_ROW, q, keys1 + g * tileBytes, some, rest, group, headDim);
    for (let j: usize = 0; j < some; j++) {
      const cell = i + j,
        at = position + ((firstRow + cell) % count),
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
    for (let j: usize = 0; j < some;) {
      const n = min(rest, some - j),
        to = acc + (i + j) * row,
        weights = w + j * PAGE_ROW + (low << 2);
      productAdd(to, weights, values + g * row * PAGE_TOKENS, n, row >> 2, high - low, row, PAGE_ROW, row);
      j += n;
      rest -= n;
      if (rest) continue;
      g++;
      rest = group;
    }
  }
}

/**
 * Logits of a tile (rows, 48), rows PAGE_ROW apart, summed in the order of headDim however it is
 * cut: `rest` rows with the first head's keys, `group` rows with those of each head after it.
 */
function denseTile(out: usize, q: usize, k: usize, rows: usize, rest: usize, group: usize, headDim: usize): void {
  const row = headDim << 2;
  for (let n = min(rest, rows); rows; n = min(group, rows)) {
    productStore(out, q, k, n, TILE, min(headDim, DEPTH), PAGE_ROW, row, TILE_ROW);
    for (let d = DEPTH; d < headDim; d += DEPTH) {
      const depth = min(DEPTH, headDim - d);
      productAdd(out, q + (d << 2), k + d * TILE_ROW, n, TILE, depth, PAGE_ROW, row, TILE_ROW);
    }
    out += n * PAGE_ROW;
    q += n * row;
    k += headDim * TILE_ROW;
    rows -= n;
  }
}
