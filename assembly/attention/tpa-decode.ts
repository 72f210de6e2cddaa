import { LOG2E } from '../simd/exp2';
import { productAdd } from '../product/strips';
import { even, splatBytes, splatRows } from '../product/splat';
import { addCodePage, codeScratch, isCoded } from './codes/page';
import { codeQueries } from './codes/scores';
import { factoredLogits } from './logits';
import { imageScratch, pageAt } from '../cache/image';
import { keyScratch, keysOfTile } from '../cache/keys';
import { LOWEST } from './softmax';
import { decodeSpans, leaveSpan, spanStart } from './spans';
import { weighHead } from './tpa-weights';
import { valueScratch, valuesOfPage } from '../cache/values';
import { akTile, avTile, valueRow, PAGE_ROW, PAGE_TOKENS, TILE, TILE_ROW } from '../layout/pages';
import { CacheShape } from '../layout/records';

/** Bytes of scratch that {@link tpaDecode} needs for any units. */
export function tpaDecodeScratch(shapeAt: usize, rankQ: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  const heads = <usize>shape.heads,
    padded = even(heads);
  const headDim = <usize>shape.headDim,
    results = heads * (valueRow(shape) + 12);
  if (isCoded(shape)) return codeScratch(shape, rankQ) + results;
  return (
    results +
    splatBytes(heads, rankQ ? rankQ : headDim) +
    splatBytes(rankQ, headDim) +
    even(rankQ) * TILE_ROW +
    <usize>shape.rankV * padded * PAGE_ROW +
    keyScratch(shape) +
    valueScratch(shape) +
    imageScratch(shapeAt)
  );
}

/**
 * Attention of one query over cached factors (paper, Algorithm 2): K and V are never materialised.
 *
 *   P[r,s,m] = <bq[r], bk[m,s]>,  L[h,m] = scale Σ_rs aq[h,r] ak[m,s,h] P[r,s,m]
 *   out[h]   = 1/rankV Σ_m softmax(L[h])[m] Σ_u av[m,u,h] bv[m,u]
 *
 * @param out (heads, valueDim), written where there is one span; of more, mergeSpans makes it from
 * @param partials partialsBytes
 * @param aq (heads, rankQ); or with rankQ = 0 the full query (heads, headDim)
 * @param bq (rankQ, headDim); unused with rankQ = 0
 * @param pages u32 addresses of ceil(length / 96) pages
 * @param length cached tokens to attend to, >= 1
 * @param scratch tpaDecodeScratch bytes; out, partials and scratch overlap nothing
 * @param units of (decodeSpans(0, length), heads), from firstUnit on, as far as there are; only
 *   theirs is written
 * Pages that vanish beside the rest are skipped, head by head (vanish.ts).
 * Any alignment (16 is fastest). Max error: docs/numerics.md.
 */
export function tpaDecode(
  out: usize,
  partials: usize,
  aq: usize,
  bq: usize,
  pages: usize,
  shapeAt: usize,
  scratch: usize,
  rankQ: usize,
  length: usize,
  scale: f32,
  firstUnit: usize,
  units: usize,
): void {
  const shape = changetype<CacheShape>(shapeAt);
  const allHeads = <usize>shape.heads,
    headDim = <usize>shape.headDim,
    rankV = <usize>shape.rankV;
  assert(allHeads && headDim && rankV && shape.rankK && length, 'tpaDecode: an empty shape or cache');
  const spans = decodeSpans(0, length);
  const inner = rankQ ? rankQ : headDim,
    row = valueRow(shape);
  let splatted: usize = 0;
  for (let unit = firstUnit, end = min(firstUnit + units, spans * allHeads); unit < end;) {
    const firstHead = unit % allHeads,
      heads = min(allHeads - firstHead, end - unit),
      span = unit / allHeads;
    const plane = even(heads) * PAGE_ROW,
      before = firstHead * TILE_ROW; // bytes of ak and av before the first head

    const a = scratch; // (heads, inner) splatted
    const b = a + splatBytes(heads, inner); // (rankQ, headDim) splatted
    const p = b + splatBytes(rankQ, headDim); // (rankQ, 48)
    const w = p + even(rankQ) * TILE_ROW; // (rankV, heads, 96) logits, then weights
    const keys = w + rankV * plane; // (rankK, headDim, 48), unless in the page
    const values = keys + keyScratch(shape); // (rankV, 96, valueStride), unless in the page
    const image = values + valueScratch(shape); // of a page of codes
    const acc = isCoded(shape) ? scratch + codeScratch(shape, rankQ) : image + imageScratch(shapeAt); // (heads, valueStride)
    const sums = acc + heads * row; // (heads)
    const maxima = sums + (heads << 2); // (heads)
    const skipped = maxima + (heads << 2); // (heads) weights of pages that vanish

    // what the span before has splatted serves the next one, if it is of the same heads
    if (heads != splatted) {
      if (isCoded(shape)) {
        codeQueries(scratch, aq, bq, shape, rankQ, firstHead, heads, scale);
      } else {
        splatRows(a, aq + ((firstHead * inner) << 2), heads, inner, scale * LOG2E, 0);
        splatRows(b, bq, rankQ, headDim, 1, 0);
      }
      splatted = heads == allHeads ? heads : 0;
    }
    memory.fill(acc, 0, heads * (row + 12));
    for (let h: usize = 0; h < heads; h++) store<f32>(maxima + (h << 2), LOWEST);

    const last = min(length, spanStart(0, length, span + 1, spans));
    for (let first = spanStart(0, length, span, spans); first < last; first += PAGE_TOKENS) {
      const count = min<usize>(PAGE_TOKENS, length - first);
      if (isCoded(shape)) {
        const codes = <usize>load<u32>(pages + ((first / PAGE_TOKENS) << 2));
        addCodePage(acc, codes, shape, scratch, rankQ, firstHead, heads, count);
        continue;
      }
      const page = pageAt(pages, first, shape, image);
      const columns = ((count + TILE - 1) / TILE) * TILE;
      for (let t: usize = 0; t < columns / TILE; t++) {
        const bk = keysOfTile(page, t, first, shape, keys),
          ak = akTile(page, t, shape) + before;
        factoredLogits(w + t * TILE_ROW, a, b, p, bk, ak, shape, rankQ, 1, heads, PAGE_ROW);
      }
      const av = avTile(page, shape) + before;
      let bv: usize = 0;
      for (let h: usize = 0, run: usize = 0; h <= heads; h++) {
        if (h < heads && weighHead(h, w, acc, heads, count, columns, av, plane, shape)) continue;
        // heads that the page matters to, up to one that it does not
        if (h > run) {
          if (!bv) bv = valuesOfPage(page, count, shape, values);
          for (let u: usize = 0; u < rankV; u++) {
            const to = acc + run * row,
              weights = w + u * plane + run * PAGE_ROW;
            productAdd(to, weights, bv + u * row * PAGE_TOKENS, h - run, row >> 2, count, row, PAGE_ROW, row);
          }
        }
        run = h + 1;
      }
    }
    leaveSpan(out, partials, shape, spans, unit, heads, acc, rankV);
    unit += heads;
  }
}
