import { seenFrom } from './dense-page';
import { attendRows, rowsScratch, writeRows } from './dense-rows';
import { decodeSpans, leaveSpan, spanStart } from './spans';
import { PAGE_TOKENS } from '../layout/pages';
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
 * @param units of (decodeSpans(first, length), heads), from firstUnit on, as far as there are; only
 *   theirs is written
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
    spans = decodeSpans(first, length),
    window = length - first;
  for (let unit = firstUnit, end = min(firstUnit + units, spans * heads); unit < end;) {
    const h = unit % heads,
      some = min(heads - h, end - unit),
      span = unit / heads;
    const from = spanStart(first, length, span, spans),
      to = min(length, spanStart(first, length, span + 1, spans));
    const acc = attendRows(q, 0, pages, shape, scratch, h, some, from, to, length - 1, 1, window, scale);
    leaveSpan(out, partials, shape, spans, unit, some, acc, 1);
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
 * @param rows of (heads, count), from firstRow on, as far as there are: h · count + t is query t of head h; of out, only
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
  const group = (<usize>shape.heads / shape.rankK) * count;
  const start = seenFrom(position, window),
    from = start - (start % PAGE_TOKENS);
  for (let i = firstRow, end = min(firstRow + rows, group * shape.rankK); i < end;) {
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
