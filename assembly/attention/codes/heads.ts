import { exp2Once } from '../../simd/exp2';
import {
  bkCodes,
  bkScales,
  bvCodes,
  bvScales,
  codeSize,
  keyPairs,
  largestCode,
  PAGE_PAIRS,
} from '../../layout/code-pages';
import { PAGE_ROW, PAGE_TOKENS, TILE, TILE_ROW, valueRow } from '../../layout/pages';
import { CacheShape, STORED } from '../../layout/records';
import { quantizeOperand } from '../../product/code-operand';
import { codeProduct } from '../../product/code-product';
import { scaledWeights } from './weights';
import { mask, raiseTo, rowMax, weigh } from '../softmax';

/*
 * A query of dense heads against one page of codes: products of integers straight from the page, which is
 * read once, a quarter of the bytes of float32. Keys of all heads come before values, as in ../dense-page.ts.
 */

/** Whether a decode computes with the codes of this cache. */
@inline
export function isCodedHeads(shape: CacheShape): bool {
  return shape.dtype && shape.form == STORED && !shape.headRows;
}

/** Bytes of a row of the queries, and of weights, in integers. */
@inline
function integerBytes(shape: CacheShape): usize {
  return max<usize>(keyPairs(shape), PAGE_PAIRS) << 2;
}

/** Bytes of scratch that {@link codeHeads} and {@link addCodeHeads} need. */
export function headsScratch(shape: CacheShape, rows: usize): usize {
  return rows * (2 * integerBytes(shape) + 8 + PAGE_ROW) + max<usize>(valueRow(shape), TILE_ROW);
}

/** Queries (rows, headDim) as {@link addCodeHeads} takes them. */
export function codeHeads(scratch: usize, queries: usize, shape: CacheShape, rows: usize): void {
  const bytes = integerBytes(shape),
    factors = scratch + rows * bytes;
  for (let i: usize = 0; i < rows; i++) {
    const x = queries + i * ((<usize>shape.headDim) << 2);
    store<f32>(factors + (i << 2), quantizeOperand(scratch + i * bytes, x, shape.headDim, largestCode(shape)));
  }
}

/**
 * Adds tokens low … high of a page to the running softmax of query heads firstRow … firstRow + rows.
 *
 * @param acc (rows, valueStride), followed by the running sums (rows) and maxima
 * @param scratch of {@link codeHeads}
 */
export function addCodeHeads(
  acc: usize,
  page: usize,
  shape: CacheShape,
  scratch: usize,
  firstRow: usize,
  rows: usize,
  low: usize,
  high: usize,
): void {
  const bytes = integerBytes(shape),
    row = valueRow(shape),
    size = codeSize(shape),
    largest = largestCode(shape);
  const factors = scratch + rows * bytes; // (rows)
  const w = factors + (rows << 2); // (rows, 96) logits, then weights
  const weights = w + rows * PAGE_ROW; // (rows, 96) in integers
  const weightFactors = weights + rows * bytes; // (rows)
  const spare = weightFactors + (rows << 2);
  const sums = acc + rows * row,
    maxima = sums + (rows << 2);
  const group = <usize>shape.heads / shape.rankK,
    columns = ((high + TILE - 1) / TILE) * TILE,
    keyBytes = keyPairs(shape) * (TILE << 1) * size,
    valueBytes = PAGE_PAIRS * (row >> 1) * size;
  for (let i: usize = 0; i < rows;) {
    const g = (firstRow + i) / group,
      some = min((g + 1) * group - firstRow, rows) - i;
    for (let t: usize = 0; t < columns / TILE; t++) {
      const to = w + i * PAGE_ROW + t * TILE_ROW,
        codes = bkCodes(page, t, shape) + g * keyBytes,
        scales = bkScales(page, t, shape) + g * TILE_ROW,
        q = scratch + i * bytes;
      const ldb = (TILE << 1) * size;
      codeProduct(
        to,
        PAGE_ROW,
        spare,
        q,
        bytes,
        codes,
        ldb,
        some,
        TILE,
        keyPairs(shape),
        factors + (i << 2),
        scales,
        size,
      );
    }
    i += some;
  }
  for (let i: usize = 0; i < rows; i++) {
    const logits = w + i * PAGE_ROW,
      sum = sums + (i << 2);
    mask(logits, 0, low);
    mask(logits, high, columns);
    const peak = rowMax(logits, columns),
      max = raiseTo(peak, maxima + (i << 2), sum, acc + i * row, row);
    const share = f32x4.extract_lane(exp2Once(f32x4.splat(peak - max)), 0),
      total = weigh(logits, columns, peak, 0, 0, 0, 0, 0);
    store<f32>(sum, load<f32>(sum) + share * total);
    const g = (firstRow + i) / group,
      factor = scaledWeights(weights + i * bytes, logits, page, shape, g, low, high, columns, largest);
    store<f32>(weightFactors + (i << 2), share * factor);
  }
  for (let i: usize = 0; i < rows;) {
    const g = (firstRow + i) / group,
      some = min((g + 1) * group - firstRow, rows) - i,
      codes = bvCodes(page, shape) + g * valueBytes;
    const to = acc + i * row,
      q = weights + i * bytes,
      ldb = (row >> 1) * size;
    codeProduct(to, row, spare, q, bytes, codes, ldb, some, row >> 2, columns >> 1, weightFactors + (i << 2), 0, size);
    i += some;
  }
}
