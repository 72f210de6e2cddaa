import { CacheShape } from './records';

/*
 * The layout of a page of the cache, known to the attention kernels alone.
 *
 *   page   96 tokens of one layer, 2 tiles of 48
 *     bk   (tile, rankK, keyRows, 48)       token innermost: scores are products without
 *     ak   (tile, rankK, headRows, 48)      horizontal sums
 *     av   (tile, rankV, headRows, 48)
 *     bv   (rankV, 96, storedStride)        token-major: the rows of the value product
 *
 * TPA stores all of it: keyRows = headDim, headRows = heads, valueRows = valueDim. A mechanism that
 * does not store a factor has 0 rows of it. storedStride is valueRows rounded up to 4 so that rows
 * are whole vectors. A page never moves.
 */

export const TILE: usize = 48;
/** Bytes of one row of a tile. */
export const TILE_ROW: usize = TILE << 2;
export const PAGE_TOKENS: usize = 96;
export const PAGE_ROW: usize = PAGE_TOKENS << 2;

/** Bytes of a row of values as the value product reads it. */
@inline
export function valueRow(shape: CacheShape): usize {
  return (<usize>((shape.valueDim + 3) & ~3)) << 2;
}

/** Bytes of a row of bv in the page. */
@inline
export function storedRow(shape: CacheShape): usize {
  return (<usize>((shape.valueRows + 3) & ~3)) << 2;
}

/** Stored keys of a tile (rankK, keyRows, 48). */
@inline
export function bkTile(page: usize, tile: usize, shape: CacheShape): usize {
  return page + tile * (<usize>shape.rankK * shape.keyRows * TILE_ROW);
}

/** A_K of a tile (rankK, heads, 48), in the page or fixed. */
@inline
export function akTile(page: usize, tile: usize, shape: CacheShape): usize {
  if (!shape.headRows) return shape.ak;
  return page + <usize>shape.rankK * shape.keyRows * PAGE_ROW + tile * (<usize>shape.rankK * shape.heads * TILE_ROW);
}

/** A_V of the first tile (rankV, heads, 48), in the page or fixed; tiles are avTileStride apart. */
@inline
export function avTile(page: usize, shape: CacheShape): usize {
  return shape.headRows ? page + <usize>shape.rankK * (shape.keyRows + shape.headRows) * PAGE_ROW : shape.av;
}

/** Bytes from A_V of one tile to that of the next, 0 where it is fixed. */
@inline
export function avTileStride(shape: CacheShape): usize {
  return <usize>shape.rankV * shape.headRows * TILE_ROW;
}

/** Stored values of the page (rankV, 96, storedRow). */
@inline
export function bvRows(page: usize, shape: CacheShape): usize {
  return (
    page + (<usize>shape.rankK * (shape.keyRows + shape.headRows) + <usize>shape.rankV * shape.headRows) * PAGE_ROW
  );
}

/** Bytes of one page of this shape. */
export function pageBytes(shapeAt: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  return bvRows(0, shape) + <usize>shape.rankV * storedRow(shape) * PAGE_TOKENS;
}
