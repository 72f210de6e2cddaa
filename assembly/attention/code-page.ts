import { exp2Once, LOG2E } from '../simd/exp2';
import { loadFour } from '../cache/image';
import { akCodes, akScales, bkCodes, bkScales, bvCodes } from '../layout/code-pages';
import { codeSize, keyPairs, largestCode, PAGE_PAIRS } from '../layout/code-pages';
import { PAGE_ROW, PAGE_TOKENS, TILE, TILE_ROW, valueRow } from '../layout/pages';
import { CacheShape, STORED } from '../layout/records';
import { quantizeOperand } from '../product/code-operand';
import { codeProduct } from '../product/code-product';
import { even, splatBytes, splatRows, splatScale, splatScaleAdd } from '../product/splat';
import { scalesOfTokens, weightRows, weightScale } from './code-weights';
import { mask, raiseTo, rowMax, weigh } from './softmax';

/*
 * A query against one page of codes, of factors that are stored as they are used. Products sum integers:
 * B_Q with B_K over pairs of features, weights with B_V over pairs of tokens and all ranks. Scales of
 * tokens go into what is multiplied anyway: those of keys into P, those of values into the weights.
 */

/** Whether a decode computes with the codes of this cache. */
@inline
export function isCoded(shape: CacheShape): bool {
  return shape.dtype && shape.form == STORED && shape.headRows;
}

/** Bytes of a row of B_Q, or of a full query, in integers. */
@inline
function queryBytes(shape: CacheShape): usize {
  return keyPairs(shape) << 2;
}

/** Bytes of the weights of a head, all ranks, in integers. */
@inline
function weightBytes(shape: CacheShape): usize {
  return (<usize>shape.rankV * PAGE_TOKENS) << 1;
}

/** Bytes of scratch that {@link codeQueries} and {@link addCodePage} need. */
export function codeScratch(shape: CacheShape, rankQ: usize): usize {
  const heads = even(shape.heads),
    rows = even(rankQ ? rankQ : shape.heads);
  return (
    splatBytes(heads, rankQ) +
    rows * (queryBytes(shape) + 4 + TILE_ROW) +
    heads * (TILE_ROW + PAGE_ROW + weightBytes(shape) + 4) +
    TILE_ROW +
    weightBytes(shape) +
    <usize>shape.rankV * PAGE_ROW +
    max<usize>(valueRow(shape), TILE_ROW)
  );
}

/** The query of some heads as {@link addCodePage} takes it: A splatted, B in integers. */
export function codeQueries(
  scratch: usize,
  aq: usize,
  bq: usize,
  shape: CacheShape,
  rankQ: usize,
  firstHead: usize,
  heads: usize,
  scale: f32,
): void {
  const width = <usize>shape.headDim,
    rows = rankQ ? rankQ : heads;
  if (rankQ) splatRows(scratch, aq + ((firstHead * rankQ) << 2), heads, rankQ, scale * LOG2E, 0);
  const integers = scratch + splatBytes(even(shape.heads), rankQ),
    factors = integers + even(rankQ ? rankQ : shape.heads) * queryBytes(shape);
  const from = rankQ ? bq : aq + ((firstHead * width) << 2),
    by: f32 = rankQ ? 1 : scale * LOG2E;
  for (let r: usize = 0; r < rows; r++) {
    const x = from + ((r * width) << 2);
    store<f32>(
      factors + (r << 2),
      by * quantizeOperand(integers + r * queryBytes(shape), x, width, largestCode(shape)),
    );
  }
}

/**
 * Adds a page to the running softmax of some heads.
 *
 * @param scratch of {@link codeQueries}
 * @param acc (heads, valueStride), followed by the sums of weights (heads) and the maxima (heads)
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
  const allHeads = even(shape.heads),
    allRows = even(rankQ ? rankQ : shape.heads),
    rows = rankQ ? rankQ : heads,
    rankV = <usize>shape.rankV,
    row = valueRow(shape),
    size = codeSize(shape);
  const integers = scratch + splatBytes(allHeads, rankQ); // (rows, headDim) of the query
  const factors = integers + allRows * queryBytes(shape); // (rows)
  const p = factors + (allRows << 2); // (rows, 48)
  const ak = p + allRows * TILE_ROW; // (heads, 48) codes as float32
  const w = ak + allHeads * TILE_ROW; // (heads, 96) logits, then weights
  const q = w + allHeads * PAGE_ROW; // (heads, rankV, columns) weights in integers
  const weightFactors = q + allHeads * weightBytes(shape); // (heads)
  const scales = weightFactors + (allHeads << 2); // (48) of keys
  const ratios = scales + TILE_ROW; // (rankV, columns) in integers
  const x = ratios + weightBytes(shape); // (rankV, columns)
  const spare = x + rankV * PAGE_ROW; // (valueStride), and a tile row
  const columns = ((count + TILE - 1) / TILE) * TILE;

  for (let t: usize = 0; t < columns / TILE; t++) {
    const to = w + t * TILE_ROW;
    for (let s: usize = 0; s < shape.rankK; s++) {
      const codes = bkCodes(page, t, shape) + s * keyPairs(shape) * (TILE << 1) * size,
        heights = akCodes(page, t, shape) + (s * shape.headRows + firstHead) * TILE * size;
      multiply(scales, bkScales(page, t, shape) + s * TILE_ROW, akScales(page, t, shape) + s * TILE_ROW);
      convertRows(ak, heights, heads, size);
      codeProduct(
        p,
        TILE_ROW,
        spare,
        integers,
        queryBytes(shape),
        codes,
        (TILE << 1) * size,
        rows,
        TILE,
        keyPairs(shape),
        factors,
        scales,
        size,
      );
      if (!rankQ) addRows(to, p, ak, heads, s == 0);
      else if (s == 0) splatScale(to, scratch, p, heads, rankQ, PAGE_ROW, ak);
      else splatScaleAdd(to, scratch, p, heads, rankQ, PAGE_ROW, ak);
    }
  }
  const sums = acc + heads * row,
    maxima = sums + (heads << 2),
    scale = scalesOfTokens(ratios, x, page, shape, count, columns);
  for (let h: usize = 0; h < heads; h++) {
    const logits = w + h * PAGE_ROW,
      sum = sums + (h << 2);
    mask(logits, count, columns);
    const peak = rowMax(logits, columns),
      max = raiseTo(peak, maxima + (h << 2), sum, acc + h * row, row);
    // weights beside the largest of the page, which all of it beside the largest so far weighs as much as
    const share = f32x4.extract_lane(exp2Once(f32x4.splat(peak - max)), 0),
      total = weigh(logits, columns, peak, 0, 0, 0, 0, 0);
    store<f32>(sum, load<f32>(sum) + share * total);
    const by = weightScale(total, columns, shape);
    weightRows(q + h * weightBytes(shape), logits, by, page, shape, firstHead + h, ratios, columns, size);
    store<f32>(weightFactors + (h << 2), (share / by) * scale);
  }
  const bv = bvCodes(page, shape),
    ldb = (row >> 1) * size, // bytes of a pair of tokens
    isWhole = columns == PAGE_TOKENS, // then ranks follow each other in both operands
    passes: usize = isWhole ? 1 : rankV,
    pairs = isWhole ? rankV * PAGE_PAIRS : columns >> 1;
  for (let u: usize = 0; u < passes; u++) {
    const weights = q + u * (columns << 1),
      codes = bv + u * PAGE_PAIRS * ldb;
    codeProduct(
      acc,
      row,
      spare,
      weights,
      weightBytes(shape),
      codes,
      ldb,
      heads,
      row >> 2,
      pairs,
      weightFactors,
      0,
      size,
    );
  }
}

/** out (48) = a · b */
@inline
function multiply(out: usize, a: usize, b: usize): void {
  for (let j: usize = 0; j < TILE_ROW; j += 16) {
    v128.store(out + j, f32x4.mul(v128.load(a + j), v128.load(b + j)));
  }
}

/** Codes (rows, 48) as float32. */
@inline
function convertRows(out: usize, codes: usize, rows: usize, size: usize): void {
  for (const end = out + rows * TILE_ROW; out < end; out += 16) {
    v128.store(out, size == 1 ? loadFour(codes, 1) : loadFour(codes, 2));
    codes += size << 2;
  }
}

/** Logits of full queries: out (rows, 48), PAGE_ROW apart, (+)= x · ak. */
@inline
function addRows(out: usize, x: usize, ak: usize, rows: usize, isFirst: bool): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let j: usize = 0; j < TILE_ROW; j += 16) {
      const product = f32x4.mul(v128.load(x + j), v128.load(ak + j));
      v128.store(out + j, isFirst ? product : f32x4.add(v128.load(out + j), product));
    }
    out += PAGE_ROW;
    x += TILE_ROW;
    ak += TILE_ROW;
  }
}
