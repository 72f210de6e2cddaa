import { exp2Once } from '../../simd/exp2';
import { bvCodes, codeSize, PAGE_PAIRS } from '../../layout/code-pages';
import { PAGE_ROW, PAGE_TOKENS, TILE, valueRow } from '../../layout/pages';
import { CacheShape, STORED } from '../../layout/records';
import { codeProduct } from '../../product/code-product';
import { even } from '../../product/splat';
import { codeLogits, scoreScratch } from './scores';
import { scalesOfTokens, weightRows, weightScale } from './weights';
import { mask, raiseTo, rowMax, weigh } from '../softmax';
import { vanishes } from '../vanish';

/*
 * A query against one page of codes, of factors that are stored as they are used. Products sum integers:
 * keys over pairs of features (scores.ts), values over pairs of tokens and all ranks.
 */

/** Ranks that one sum goes over: each takes as much again from the 18 bits that weights beside codes have. */
const MOST_RANKS: usize = 2;

/** Whether a decode computes with the codes of this cache. */
@inline
export function isCoded(shape: CacheShape): bool {
  return shape.dtype && shape.form == STORED && shape.headRows;
}

/** Bytes of the weights of a head, all ranks, in integers. */
@inline
function weightBytes(shape: CacheShape): usize {
  return (<usize>shape.rankV * PAGE_TOKENS) << 1;
}

/** Bytes of scratch that {@link addCodePage} needs, of which those of codeQueries come first. */
export function codeScratch(shape: CacheShape, rankQ: usize): usize {
  const perHead = PAGE_ROW + weightBytes(shape) + 4;
  return (
    scoreScratch(shape, rankQ) +
    even(shape.heads) * perHead +
    weightBytes(shape) +
    max<usize>(<usize>shape.rankV * PAGE_ROW, valueRow(shape))
  );
}

/**
 * Adds a page to the running softmax of some heads, but to those that it vanishes for (vanish.ts).
 *
 * @param scratch of codeQueries
 * @param acc (heads, valueStride), followed by the sums of weights (heads), the maxima and what was skipped
 * @param count tokens of the page, of which the rest may be anything
 */
export function addCodePage(
  acc: usize,
  page: usize,
  shape: CacheShape,
  scratch: usize,
  rankQ: usize,
  firstHead: usize,
  heads: usize,
  count: usize,
): void {
  const columns = ((count + TILE - 1) / TILE) * TILE,
    allHeads = even(shape.heads),
    row = valueRow(shape);
  const w = scratch + scoreScratch(shape, rankQ); // (heads, 96) logits, then weights
  const q = w + allHeads * PAGE_ROW; // (heads, rankV, columns) weights in integers
  const factors = q + allHeads * weightBytes(shape); // (heads)
  const ratios = factors + (allHeads << 2); // (rankV, columns) in integers
  const spare = ratios + weightBytes(shape); // (rankV, columns), then (valueStride)
  codeLogits(w, page, shape, scratch, rankQ, firstHead, heads, columns);
  const unit = scalesOfTokens(ratios, spare, page, shape, count, columns);
  const codes = bvCodes(page, shape),
    // of a whole page ranks follow each other in both operands
    ranks: usize = columns == PAGE_TOKENS && shape.rankV <= MOST_RANKS ? shape.rankV : 1;
  for (let h: usize = 0, run: usize = 0; h <= heads; h++) {
    const logits = w + h * PAGE_ROW,
      sum = acc + heads * row + (h << 2),
      maximum = sum + (heads << 2);
    if (h < heads) {
      mask(logits, count, columns);
      const found = rowMax(logits, columns);
      if (!vanishes(logits, columns, found, load<f32>(maximum), load<f32>(sum), maximum + (heads << 2))) {
        // weights beside the largest of the page, which all of it beside the largest so far weighs as much as
        const max = raiseTo(found, maximum, sum, acc + h * row, row),
          share = f32x4.extract_lane(exp2Once(f32x4.splat(found - max)), 0),
          total = weigh(logits, columns, found, 0, 0, 0, 0, 0),
          by = weightScale(total, columns, ranks, shape);
        store<f32>(sum, load<f32>(sum) + share * total);
        store<f32>(factors + (h << 2), (share / by) * unit);
        weightRows(q + h * weightBytes(shape), logits, by, page, shape, firstHead + h, ratios, columns);
        continue;
      }
    }
    // heads that the page matters to, up to one that it does not
    if (h > run) addValues(acc, codes, shape, q, factors, spare, run, h, columns, ranks);
    run = h + 1;
  }
}

/** acc += the values of a page times the weights of heads run … end. */
@inline
function addValues(
  acc: usize,
  codes: usize,
  shape: CacheShape,
  q: usize,
  factors: usize,
  spare: usize,
  run: usize,
  end: usize,
  columns: usize,
  ranks: usize,
): void {
  const row = valueRow(shape),
    size = codeSize(shape),
    ldb = (row >> 1) * size, // bytes of a pair of tokens
    lda = weightBytes(shape);
  for (let u: usize = 0; u < shape.rankV; u += ranks) {
    const to = acc + run * row,
      a = q + run * lda + u * (columns << 1),
      b = codes + u * PAGE_PAIRS * ldb,
      factor = factors + (run << 2);
    codeProduct(to, row, spare, a, lda, b, ldb, end - run, row >> 2, ranks * (columns >> 1), factor, 0, size);
  }
}
