import { LOG2E } from '../simd/exp2';
import { scaleRow } from '../simd/scale';
import { addCodeHeads, codeHeads, headsScratch, isCodedHeads } from './codes/heads';
import { densePage, pageScratch, seenFrom } from './dense-page';
import { LOWEST } from './softmax';
import { PAGE_TOKENS, valueRow } from '../layout/pages';
import { CacheShape } from '../layout/records';

/*
 * Dense attention of any rows of the queries (heads, count): row h · count + t is query t of head h.
 */

/** Bytes of scratch that {@link attendRows} needs. */
export function rowsScratch(shape: CacheShape, rows: usize): usize {
  const perRow = ((<usize>shape.headDim) << 2) + valueRow(shape) + 8;
  const coded: usize = isCodedHeads(shape) ? headsScratch(shape, rows) : 0;
  return rows * perRow + max(pageScratch(shape, rows), coded);
}

/**
 * Rows firstRow … firstRow + rows of the queries (heads, count) against tokens from … to, `from` the
 * first of a page.
 *
 * @returns address of the accumulated values (rows, valueStride), the sums of weights (rows), and
 *   the maxima (rows)
 */
export function attendRows(
  q: usize,
  qStride: usize,
  pages: usize,
  shape: CacheShape,
  scratch: usize,
  firstRow: usize,
  rows: usize,
  from: usize,
  to: usize,
  position: usize,
  count: usize,
  window: usize,
  scale: f32,
): usize {
  const headDim = <usize>shape.headDim,
    row = valueRow(shape);
  const queries = scratch; // (rows, headDim) times scale
  const acc = queries + rows * (headDim << 2); // (rows, valueStride)
  const sums = acc + rows * row; // (rows)
  const maxima = sums + (rows << 2); // (rows)
  const work = maxima + (rows << 2);

  for (let i: usize = 0; i < rows; i++) {
    const r = firstRow + i;
    scaleRow(
      queries + i * (headDim << 2),
      q + (((r % count) * qStride + (r / count) * headDim) << 2),
      headDim,
      scale * LOG2E,
    );
    store<f32>(maxima + (i << 2), LOWEST);
  }
  memory.fill(acc, 0, rows * (row + 4));
  const isCoded = isCodedHeads(shape) && count == 1;
  if (isCoded) codeHeads(work, queries, shape, rows);
  for (let first = from; first < to; first += PAGE_TOKENS) {
    const page = <usize>load<u32>(pages + ((first / PAGE_TOKENS) << 2));
    if (isCoded) {
      const start = seenFrom(position, window),
        low: usize = start > first ? start - first : 0;
      addCodeHeads(acc, page, shape, work, firstRow, rows, low, min(PAGE_TOKENS, position + 1 - first));
      continue;
    }
    densePage(queries, acc, page, shape, work, firstRow, rows, first, position, count, window);
  }
  return acc;
}

/** Writes rows of {@link attendRows}, divided by their sums, to where they belong in out. */
export function writeRows(out: usize, acc: usize, shape: CacheShape, firstRow: usize, rows: usize, count: usize): void {
  const row = valueRow(shape),
    valueDim = <usize>shape.valueDim;
  for (let i: usize = 0; i < rows; i++) {
    const r = firstRow + i,
      to = out + ((((r % count) * shape.heads + r / count) * valueDim) << 2);
    scaleRow(to, acc + i * row, valueDim, <f32>1 / load<f32>(acc + rows * row + (i << 2)));
  }
}
