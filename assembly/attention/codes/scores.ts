import { LOG2E } from '../../simd/exp2';
import { loadFour } from '../../cache/image';
import { akCodes, akScales, bkCodes, bkScales, codeSize, keyPairs, largestCode } from '../../layout/code-pages';
import { PAGE_ROW, TILE, TILE_ROW } from '../../layout/pages';
import { CacheShape } from '../../layout/records';
import { quantizeOperand } from '../../product/code-operand';
import { codeProduct } from '../../product/code-product';
import { even, splatBytes, splatRows, splatScale, splatScaleAdd } from '../../product/splat';

/*
 * Logits of a query against keys in codes: P = B_Q B_K sums integers over pairs of features, the scales of
 * B_K and A_K go into P, and A_Q meets P and the codes of A_K in float32.
 */

/** Bytes of a row of B_Q, or of a full query, in integers. */
@inline
function queryBytes(shape: CacheShape): usize {
  return keyPairs(shape) << 2;
}

/** Rows of B_Q, or of the full query, at most. */
@inline
function mostRows(shape: CacheShape, rankQ: usize): usize {
  return even(rankQ ? rankQ : shape.heads);
}

/** Bytes of scratch that {@link codeQueries} and {@link codeLogits} need. */
export function scoreScratch(shape: CacheShape, rankQ: usize): usize {
  const heads = even(shape.heads),
    rows = mostRows(shape, rankQ);
  return splatBytes(heads, rankQ) + rows * (queryBytes(shape) + 4 + TILE_ROW) + heads * TILE_ROW + 2 * TILE_ROW;
}

/** The query of some heads as {@link codeLogits} takes it: A splatted, B in integers. */
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
    factors = integers + mostRows(shape, rankQ) * queryBytes(shape);
  const from = rankQ ? bq : aq + ((firstHead * width) << 2),
    by: f32 = rankQ ? 1 : scale * LOG2E;
  for (let r: usize = 0; r < rows; r++) {
    const x = from + ((r * width) << 2),
      factor = quantizeOperand(integers + r * queryBytes(shape), x, width, largestCode(shape));
    store<f32>(factors + (r << 2), by * factor);
  }
}

/**
 * w (heads, 96), base 2: logits of the first `columns` tokens of a page, a multiple of 48.
 *
 * @param scratch of {@link codeQueries}
 */
export function codeLogits(
  w: usize,
  page: usize,
  shape: CacheShape,
  scratch: usize,
  rankQ: usize,
  firstHead: usize,
  heads: usize,
  columns: usize,
): void {
  const rows = rankQ ? rankQ : heads,
    most = mostRows(shape, rankQ),
    pairs = keyPairs(shape),
    size = codeSize(shape),
    ldb = (TILE << 1) * size;
  const integers = scratch + splatBytes(even(shape.heads), rankQ); // (rows, headDim)
  const factors = integers + most * queryBytes(shape); // (rows)
  const p = factors + (most << 2); // (rows, 48)
  const ak = p + most * TILE_ROW; // (heads, 48) codes as float32
  const scales = ak + even(shape.heads) * TILE_ROW; // (48)
  const spare = scales + TILE_ROW; // (48)
  for (let t: usize = 0; t < columns / TILE; t++) {
    const to = w + t * TILE_ROW;
    for (let s: usize = 0; s < shape.rankK; s++) {
      const keys = bkCodes(page, t, shape) + s * pairs * ldb,
        heights = akCodes(page, t, shape) + (s * shape.headRows + firstHead) * TILE * size;
      multiply(scales, bkScales(page, t, shape) + s * TILE_ROW, akScales(page, t, shape) + s * TILE_ROW);
      convertRows(ak, heights, heads, size);
      codeProduct(p, TILE_ROW, spare, integers, queryBytes(shape), keys, ldb, rows, TILE, pairs, factors, scales, size);
      if (!rankQ) addRows(to, p, ak, heads, s == 0);
      else if (s == 0) splatScale(to, scratch, p, heads, rankQ, PAGE_ROW, ak);
      else splatScaleAdd(to, scratch, p, heads, rankQ, PAGE_ROW, ak);
    }
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
