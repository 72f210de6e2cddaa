import { PAGE_TOKENS, TILE, TILE_ROW } from './pages';
import { CacheShape, Q8 } from './records';

/*
 * The layout of a page of codes: 96 tokens of one layer, 2 tiles of 48, whose numbers are
 * scale · code, with one scale for each token and rank of a factor.
 *
 *   scales  float32 (tile, rows, 48): rankK of bk, rankK of ak, rankV of av, rankV of bv
 *   bk      (tile, rankK, ⌈keyRows / 2⌉, 48, 2 features)   pairs of features, which dot products of
 *                                                          keys sum
 *   ak      (tile, rankK, headRows, 48)
 *   av      (tile, rankV, headRows, 48)
 *   bv      (rankV, 48, storedStride, 2 tokens)            pairs of tokens, which those of values sum
 *
 * What a mechanism does not store has no rows, of scales neither. storedStride is valueRows rounded
 * up to 4. Every part begins at a multiple of 16 bytes. The last pair of an odd keyRows ends in 0;
 * whatever else pads is anything.
 */

/** The largest code of 16 bits. 13 bits leave 18 for the weights of a page, which are summed in 32. */
export const LARGEST_I16: i32 = 4095;
/** The largest code of 8 bits; -128 is not used. */
export const LARGEST_Q8: i32 = 127;
/** Pairs of tokens of a page. */
export const PAGE_PAIRS: usize = PAGE_TOKENS >> 1;

/** The largest code of a page. */
@inline
export function largestCode(shape: CacheShape): i32 {
  return shape.dtype == Q8 ? LARGEST_Q8 : LARGEST_I16;
}

/** Bytes of a code. */
@inline
export function codeSize(shape: CacheShape): usize {
  return shape.dtype == Q8 ? 1 : 2;
}

/** Pairs of features of a stored B_K. */
@inline
export function keyPairs(shape: CacheShape): usize {
  return (<usize>shape.keyRows + 1) >> 1;
}

/** Numbers between features of a pair of tokens of bv. */
@inline
export function storedStride(shape: CacheShape): usize {
  return <usize>((shape.valueRows + 3) & ~3);
}

/** Scales of bk of a tile (rankK, 48); those of the other factors follow. */
export function bkScales(page: usize, tile: usize, shape: CacheShape): usize {
  return page + tile * scaleRows(shape) * TILE_ROW;
}

/** Scales of ak of a tile (rankK, 48). */
export function akScales(page: usize, tile: usize, shape: CacheShape): usize {
  return bkScales(page, tile, shape) + (shape.keyRows ? <usize>shape.rankK * TILE_ROW : 0);
}

/** Scales of av of a tile (rankV, 48). */
export function avScales(page: usize, tile: usize, shape: CacheShape): usize {
  return akScales(page, tile, shape) + (shape.headRows ? <usize>shape.rankK * TILE_ROW : 0);
}

/** Scales of bv of a tile (rankV, 48). */
export function bvScales(page: usize, tile: usize, shape: CacheShape): usize {
  return avScales(page, tile, shape) + (shape.headRows ? <usize>shape.rankV * TILE_ROW : 0);
}

/** Codes of bk of a tile (rankK, pairs, 48, 2). */
export function bkCodes(page: usize, tile: usize, shape: CacheShape): usize {
  return page + (scaleRows(shape) << 1) * TILE_ROW + tile * bkTileBytes(shape);
}

/** Codes of ak of a tile (rankK, headRows, 48). */
export function akCodes(page: usize, tile: usize, shape: CacheShape): usize {
  return bkCodes(page, 2, shape) + tile * headTileBytes(shape, shape.rankK);
}

/** Codes of av of a tile (rankV, headRows, 48). */
export function avCodes(page: usize, tile: usize, shape: CacheShape): usize {
  return akCodes(page, 2, shape) + tile * headTileBytes(shape, shape.rankV);
}

/** Codes of bv of the page (rankV, 48, storedStride, 2). */
export function bvCodes(page: usize, shape: CacheShape): usize {
  return avCodes(page, 2, shape);
}

/** First code of rank s of a token's bk; two of a pair lie together, pairs 96 codes apart. */
export function bkCode(page: usize, token: usize, s: usize, shape: CacheShape): usize {
  const lane = token % TILE;
  return bkCodes(page, token / TILE, shape) + (s * keyPairs(shape) * TILE + lane) * 2 * codeSize(shape);
}

/** First code of rank s of a token's ak, 48 codes apart. */
export function akCode(page: usize, token: usize, s: usize, shape: CacheShape): usize {
  return akCodes(page, token / TILE, shape) + (s * shape.headRows * TILE + (token % TILE)) * codeSize(shape);
}

/** First code of rank u of a token's av, 48 codes apart. */
export function avCode(page: usize, token: usize, u: usize, shape: CacheShape): usize {
  return avCodes(page, token / TILE, shape) + (u * shape.headRows * TILE + (token % TILE)) * codeSize(shape);
}

/** First code of rank u of a token's bv, 2 codes apart. */
export function bvCode(page: usize, token: usize, u: usize, shape: CacheShape): usize {
  const pair = (u * PAGE_PAIRS + (token >> 1)) * storedStride(shape);
  return bvCodes(page, shape) + ((pair << 1) + (token & 1)) * codeSize(shape);
}

/** Bytes of one page of codes of this shape. */
export function codePageBytes(shapeAt: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  return bvCodes(0, shape) + <usize>shape.rankV * PAGE_TOKENS * storedStride(shape) * codeSize(shape);
}

/** Rows of scales of a tile. */
export function scaleRows(shape: CacheShape): usize {
  const ofKeys: usize = (shape.keyRows ? 1 : 0) + (shape.headRows ? 1 : 0),
    ofValues: usize = (shape.headRows ? 1 : 0) + (shape.valueRows ? 1 : 0);
  return <usize>shape.rankK * ofKeys + <usize>shape.rankV * ofValues;
}


@inline
function bkTileBytes(shape: CacheShape): usize {
  return <usize>shape.rankK * keyPairs(shape) * (TILE << 1) * codeSize(shape);
}


@inline
function headTileBytes(shape: CacheShape, ranks: usize): usize {
  return ranks * shape.headRows * TILE * codeSize(shape);
}
