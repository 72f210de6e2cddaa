/*
 * The layout of a page of the factor cache, known to the attention kernels alone.
 *
 *   page   96 tokens of one layer, 2 tiles of 48
 *     bk   (tile, rankK, headDim, 48)       token innermost: scores are products without
 *     ak   (tile, rankK, heads, 48)         horizontal sums
 *     av   (tile, rankV, heads, 48)
 *     bv   (rankV, 96, valueStride)         token-major: the rows of the value product
 *
 * valueStride is valueDim rounded up to 4 so that rows are whole vectors. A page never moves.
 */

export const TILE: usize = 48;
/** Bytes of one row of a tile. */
export const TILE_ROW: usize = TILE << 2;
export const PAGE_TOKENS: usize = 96;
export const PAGE_ROW: usize = PAGE_TOKENS << 2;

/** What the kernels know of a cache; written once by the host, five u32 in this order. */
@unmanaged
export class CacheShape {
  heads: u32;
  headDim: u32;
  valueDim: u32;
  rankK: u32;
  rankV: u32;
}

/** Bytes of a row of bv. */
// @ts-ignore: decorator
@inline
export function valueRow(shape: CacheShape): usize {
  return (<usize>((shape.valueDim + 3) & ~3)) << 2;
}

// @ts-ignore: decorator
@inline
export function bkTile(page: usize, tile: usize, shape: CacheShape): usize {
  return page + tile * (<usize>shape.rankK * shape.headDim * TILE_ROW);
}

// @ts-ignore: decorator
@inline
export function akTile(page: usize, tile: usize, shape: CacheShape): usize {
  return page + <usize>shape.rankK * shape.headDim * PAGE_ROW + tile * (<usize>shape.rankK * shape.heads * TILE_ROW);
}

// @ts-ignore: decorator
@inline
export function avTile(page: usize, tile: usize, shape: CacheShape): usize {
  return (
    page +
    <usize>shape.rankK * (shape.headDim + shape.heads) * PAGE_ROW +
    tile * (<usize>shape.rankV * shape.heads * TILE_ROW)
  );
}

// @ts-ignore: decorator
@inline
export function bvRows(page: usize, shape: CacheShape): usize {
  return page + (<usize>shape.rankK * (shape.headDim + shape.heads) + <usize>shape.rankV * shape.heads) * PAGE_ROW;
}

/** Bytes of one page of this shape. */
export function pageBytes(shapeAt: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  return bvRows(0, shape) + <usize>shape.rankV * valueRow(shape) * PAGE_TOKENS;
}

/** Tokens of one page, for the host. */
export function pageTokens(): usize {
  return PAGE_TOKENS;
}
