import { LOG2E } from '../simd/exp2';
import { scaleRow } from '../simd/scale';
import { densePage, pageScratch, seenFrom } from './dense-page';
import { LOWEST } from './softmax';
import { decodeSpans, spanStart, storePartials } from './spans';
import { PAGE_TOKENS, valueRow } from '../layout/pages';
import { CacheShape, LATENT, STORED } from '../layout/records';

/** Bytes of scratch that {@link denseDecode} needs for any units. */
export function denseDecodeScratch(shapeAt: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  return rowsScratch(shape, shape.heads);
}

/** Bytes of scratch that {@link densePrefill} needs for any rows. */
export function densePrefillScratch(shapeAt: usize, count: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  return rowsScratch(shape, (<usize>shape.heads / shape.rankK) * count);
}

function rowsScratch(shape: CacheShape, rows: usize): usize {
  const perRow = ((<usize>shape.headDim) << 2) + valueRow(shape) + 8;
  return rows * perRow + pageScratch(shape, rows);
}

/**
 * Attention of one query over cached keys and values: MHA, MQA, GQA, and MLA in its absorbed form.
 * Query head h meets K/V head floor(h / (heads / kvHeads)), kvHeads = rankK = rankV.
 *
 *   out[h] = Σ_m softmax(scale <q[h], k[m]>)[m] v[m],  first <= m < length
 *
 * @param out (heads, valueDim), written where there is one span; of more, mergeSpans makes it from
 * @param partials partialsBytes
 * @param q (heads, headDim)
 * @param pages u32 addresses of ceil(length / 96) pages; those wholly before `first` are not read
 * @param scratch denseDecodeScratch bytes; out, partials and scratch overlap nothing
 * @param units of (decodeSpans(first, length), heads), from firstUnit on; only theirs is written
 * Any alignment (16 is fastest). Max error: docs/numerics.md.
 */
export function denseDecode(
  out: usize,
  partials: usize,
  q: usize,
  pages: usize,
  shapeAt: usize,
  scratch: usize,
  first: usize,
  length: usize,
  scale: f32,
  firstUnit: usize,
  units: usize,
): void {
  assert(first < length, 'denseDecode: no token to see');
  const shape = changetype<CacheShape>(shapeAt);
  checkShape(shape);
  const heads = <usize>shape.heads,
    row = valueRow(shape);
  const spans = decodeSpans(first, length),
    window = length - first;
  assert(firstUnit + units <= spans * heads, 'dense attention: units past the last');
  for (let unit = firstUnit, end = firstUnit + units; unit < end;) {
    const h = unit % heads,
      some = min(heads - h, end - unit),
      span = unit / heads;
    const from = spanStart(first, length, span, spans),
      to = min(length, spanStart(first, length, span + 1, spans));
    const acc = attendRows(q, 0, pages, shape, scratch, h, some, from, to, length - 1, 1, window, scale);
    if (spans == 1) writeRows(out, acc, shape, h, some, 1);
    else {
      const sums = acc + some * row;
      storePartials(partials, shape, unit, some, acc, sums, sums + (some << 2));
    }
    unit += some;
  }
}

/**
 * Causal attention of a block of queries, one K/V head after the other and one page at a time;
 * same formula as denseDecode. Query t sits at position + t and sees the last `window` keys up to
 * its own, all of them with window 0.
 *
 * @param out (count, heads, valueDim)
 * @param q (count, heads, headDim), qStride numbers between tokens
 * @param pages u32 addresses of ceil((position + count) / 96) pages
 * @param scratch densePrefillScratch bytes; out and scratch overlap nothing
 * @param rows of (heads, count), from firstRow on: h · count + t is query t of head h; of out, only
 *   theirs is written. In the same bits however they are cut, fastest in multiples of 48
 * Any alignment. Max error: docs/numerics.md.
 */
export function densePrefill(
  out: usize,
  q: usize,
  qStride: usize,
  pages: usize,
  shapeAt: usize,
  scratch: usize,
  position: usize,
  count: usize,
  window: usize,
  scale: f32,
  firstRow: usize,
  rows: usize,
): void {
  const shape = changetype<CacheShape>(shapeAt);
  checkShape(shape);
  assert(count, 'densePrefill: an empty block');
  assert(firstRow + rows <= <usize>shape.heads * count, 'dense attention: rows past the last');
  const group = (<usize>shape.heads / shape.rankK) * count;
  const start = seenFrom(position, window),
    from = start - (start % PAGE_TOKENS);
  for (let i = firstRow, end = firstRow + rows; i < end;) {
    const some = min(group - (i % group), end - i);
    const acc = attendRows(
      q,
      qStride,
      pages,
      shape,
      scratch,
      i,
      some,
      from,
      position + count,
      position,
      count,
      window,
      scale,
    );
    writeRows(out, acc, shape, i, some, count);
    i += some;
  }
}

/** Asserts a dense cache. */
function checkShape(shape: CacheShape): void {
  const heads = shape.heads,
    kvHeads = shape.rankK;
  assert(heads && shape.headDim && shape.valueDim && kvHeads, 'dense attention: an empty shape');
  assert(kvHeads == shape.rankV && heads % kvHeads == 0, 'dense attention: heads that share no K/V head');
  const form = kvHeads == 1 && shape.form ? LATENT : STORED;
  assert(!shape.headRows && shape.form == form, 'dense attention: not a dense cache');
}

/**
 * Rows firstRow … firstRow + rows of the queries (heads, count) against tokens from … to, `from` the
 * first of a page.
 *
 * @returns address of the accumulated values (rows, valueStride), the sums of weights (rows), and
 *   the maxima (rows)
 */
function attendRows(
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
  for (let first = from; first < to; first += PAGE_TOKENS) {
    const page = <usize>load<u32>(pages + ((first / PAGE_TOKENS) << 2));
    densePage(queries, acc, page, shape, work, firstRow, rows, first, position, count, window);
  }
  return acc;
}

/** Writes rows of {@link attendRows}, divided by their sums, to where they belong in out. */
function writeRows(out: usize, acc: usize, shape: CacheShape, firstRow: usize, rows: usize, count: usize): void {
  const row = valueRow(shape),
    valueDim = <usize>shape.valueDim;
  for (let i: usize = 0; i < rows; i++) {
    const r = firstRow + i,
      to = out + ((((r % count) * shape.heads + r / count) * valueDim) << 2);
    scaleRow(to, acc + i * row, valueDim, <f32>1 / load<f32>(acc + rows * row + (i << 2)));
  }
}
