import { LOG2E } from '../simd/exp2';
import { scaleRow } from '../simd/scale';
import { densePage, pageScratch, seenFrom } from './dense-page';
import { LOWEST } from './softmax';
import { CacheShape, LATENT, PAGE_TOKENS, STORED, valueRow } from './tiles';

/** Bytes of scratch that {@link denseDecode} needs. */
export function denseDecodeScratch(shapeAt: usize): usize {
  return densePrefillScratch(shapeAt, 1);
}

/** Bytes of scratch that {@link densePrefill} needs. */
export function densePrefillScratch(shapeAt: usize, count: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  const rows = (<usize>shape.heads / shape.rankK) * count;
  return rows * (((<usize>shape.headDim) << 2) + valueRow(shape) + 8) + pageScratch(shape, rows);
}

/**
 * Attention of one query over cached keys and values: MHA, MQA, GQA, and MLA in its absorbed form.
 * Query head h meets K/V head floor(h / (heads / kvHeads)), kvHeads = rankK = rankV.
 *
 *   out[h] = Σ_m softmax(scale <q[h], k[m]>)[m] v[m],  first <= m < length
 *
 * @param out (heads, valueDim)
 * @param q (heads, headDim)
 * @param pages u32 addresses of ceil(length / 96) pages; those wholly before `first` are not read
 * @param scratch denseDecodeScratch bytes; out and scratch overlap nothing
 * Any alignment (16 is fastest). Max error: docs/numerics.md.
 */
export function denseDecode(
  out: usize,
  q: usize,
  pages: usize,
  shapeAt: usize,
  scratch: usize,
  first: usize,
  length: usize,
  scale: f32,
): void {
  assert(first < length, 'denseDecode: no token to see');
  densePrefill(out, q, 0, pages, shapeAt, scratch, length - 1, 1, length - first, scale);
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
): void {
  const shape = changetype<CacheShape>(shapeAt);
  const heads = <usize>shape.heads,
    headDim = <usize>shape.headDim,
    kvHeads = <usize>shape.rankK;
  assert(heads && headDim && shape.valueDim && kvHeads && count, 'densePrefill: an empty shape or block');
  assert(kvHeads == shape.rankV && heads % kvHeads == 0, 'densePrefill: heads that share no K/V head');
  assert(
    !shape.headRows && shape.form == (kvHeads == 1 && shape.form ? LATENT : STORED),
    'densePrefill: not a dense cache',
  );
  const row = valueRow(shape),
    group = heads / kvHeads,
    rows = group * count; // row h · count + t is query t of head h of the group

  const queries = scratch; // (rows, headDim) times scale
  const acc = queries + rows * (headDim << 2); // (rows, valueStride)
  const sums = acc + rows * row; // (rows)
  const maxima = sums + (rows << 2); // (rows)
  const work = maxima + (rows << 2);

  const end = position + count,
    start: usize = window ? seenFrom(position, window) : 0;
  for (let g: usize = 0; g < kvHeads; g++) {
    let to = queries;
    for (let h = g * group; h < (g + 1) * group; h++) {
      for (let t: usize = 0; t < count; t++) {
        scaleRow(to, q + ((t * qStride + h * headDim) << 2), headDim, scale * LOG2E);
        to += headDim << 2;
      }
    }
    memory.fill(acc, 0, rows * (row + 4));
    for (let i: usize = 0; i < rows; i++) store<f32>(maxima + (i << 2), LOWEST);
    for (let first = start - (start % PAGE_TOKENS); first < end; first += PAGE_TOKENS) {
      const page = <usize>load<u32>(pages + ((first / PAGE_TOKENS) << 2));
      densePage(queries, acc, page, shape, work, g, rows, first, position, count, window);
    }
    for (let i: usize = 0; i < rows; i++) {
      const at = (i % count) * heads + g * group + i / count;
      const factor = <f32>1 / load<f32>(sums + (i << 2));
      scaleRow(out + at * ((<usize>shape.valueDim) << 2), acc + i * row, shape.valueDim, factor);
    }
  }
}
