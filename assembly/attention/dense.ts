import { LOG2E } from '../simd/exp2';
import { scaleRow } from '../simd/scale';
import { densePage, pageScratch, seenFrom } from './dense-page';
import { LOWEST } from './softmax';
import { PAGE_TOKENS, valueRow } from '../layout/pages';
import { CacheShape, LATENT, STORED } from '../layout/records';

/** Bytes of scratch that {@link denseDecode} needs for any K/V heads. */
export function denseDecodeScratch(shapeAt: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  return headsScratch(shape, shape.rankK, 1);
}

/** Bytes of scratch that {@link densePrefill} needs for any K/V heads. */
export function densePrefillScratch(shapeAt: usize, count: usize): usize {
  return headsScratch(changetype<CacheShape>(shapeAt), 1, count);
}

function headsScratch(shape: CacheShape, kvHeads: usize, count: usize): usize {
  const rows = (<usize>shape.heads / shape.rankK) * count;
  const perRow = ((<usize>shape.headDim) << 2) + valueRow(shape) + 8;
  return kvHeads * rows * perRow + pageScratch(shape, kvHeads, rows);
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
 * @param kvHeads K/V heads from firstKvHead on; of out, only their query heads are written
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
  firstKvHead: usize,
  kvHeads: usize,
): void {
  assert(first < length, 'denseDecode: no token to see');
  const shape = changetype<CacheShape>(shapeAt);
  checkShape(shape, firstKvHead + kvHeads);
  attendHeads(out, q, 0, pages, shape, scratch, firstKvHead, kvHeads, length - 1, 1, length - first, scale);
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
 * @param kvHeads K/V heads from firstKvHead on, as in denseDecode
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
  firstKvHead: usize,
  kvHeads: usize,
): void {
  const shape = changetype<CacheShape>(shapeAt);
  checkShape(shape, firstKvHead + kvHeads);
  assert(count, 'densePrefill: an empty block');
  for (let g = firstKvHead; g < firstKvHead + kvHeads; g++) {
    attendHeads(out, q, qStride, pages, shape, scratch, g, 1, position, count, window, scale);
  }
}

/** Asserts a dense cache with K/V heads up to `end`. */
function checkShape(shape: CacheShape, end: usize): void {
  const heads = shape.heads,
    kvHeads = shape.rankK;
  assert(heads && shape.headDim && shape.valueDim && kvHeads, 'dense attention: an empty shape');
  assert(kvHeads == shape.rankV && heads % kvHeads == 0, 'dense attention: heads that share no K/V head');
  const form = kvHeads == 1 && shape.form ? LATENT : STORED;
  assert(!shape.headRows && shape.form == form, 'dense attention: not a dense cache');
  assert(end <= kvHeads, 'dense attention: K/V heads past the last');
}

/** The query heads of K/V heads g … g + kvHeads. */
function attendHeads(
  out: usize,
  q: usize,
  qStride: usize,
  pages: usize,
  shape: CacheShape,
  scratch: usize,
  g: usize,
  kvHeads: usize,
  position: usize,
  count: usize,
  window: usize,
  scale: f32,
): void {
  const heads = <usize>shape.heads,
    headDim = <usize>shape.headDim,
    row = valueRow(shape);
  const group = heads / shape.rankK,
    rows = group * count, // row h · count + t is query t of head h of a group
    all = kvHeads * rows;

  const queries = scratch; // (kvHeads, rows, headDim) times scale
  const acc = queries + all * (headDim << 2); // (kvHeads, rows, valueStride)
  const sums = acc + all * row; // (kvHeads, rows)
  const maxima = sums + (all << 2); // (kvHeads, rows)
  const work = maxima + (all << 2);

  for (let i: usize = 0; i < all; i++) {
    const from = q + (((i % count) * qStride + (g * group + i / count) * headDim) << 2);
    scaleRow(queries + i * (headDim << 2), from, headDim, scale * LOG2E);
    store<f32>(maxima + (i << 2), LOWEST);
  }
  memory.fill(acc, 0, all * (row + 4));
  const start = seenFrom(position, window);
  for (let first = start - (start % PAGE_TOKENS); first < position + count; first += PAGE_TOKENS) {
    const page = <usize>load<u32>(pages + ((first / PAGE_TOKENS) << 2));
    densePage(queries, acc, page, shape, work, g, kvHeads, rows, first, position, count, window);
  }
  for (let i: usize = 0; i < all; i++) {
    const to = out + ((((i % count) * heads + g * group + i / count) * shape.valueDim) << 2);
    scaleRow(to, acc + i * row, shape.valueDim, <f32>1 / load<f32>(sums + (i << 2)));
  }
}
