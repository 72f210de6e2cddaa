import { storeRotated, storeTransposed } from './rotate';
import { bkTile, bvRows, storedRow, TILE, TILE_ROW } from '../layout/pages';
import { CacheShape, FIXED, LATENT, OUTER, SHARED, STORED } from '../layout/records';

/** Bytes of scratch that {@link keysOfTile} needs. */
export function keyScratch(shape: CacheShape): usize {
  return shape.form == STORED ? 0 : <usize>shape.rankK * shape.headDim * TILE_ROW;
}

/**
 * B_K of a tile (rankK, headDim, 48): in the page, or formed in scratch from what it holds.
 *
 * @param first position of the page's first token
 */
export function keysOfTile(page: usize, tile: usize, first: usize, shape: CacheShape, scratch: usize): usize {
  if (shape.form == STORED) return bkTile(page, tile, shape);
  const position = first + tile * TILE,
    headDim = <usize>shape.headDim,
    row = storedRow(shape);
  assert(shape.form != SHARED || shape.valueRows == shape.headDim, 'keysOfTile: shared factors of two widths');
  assert(shape.form != LATENT || shape.valueDim + shape.keyRows == shape.headDim, 'keysOfTile: no latent key');
  assert(shape.form != OUTER || shape.headDim % shape.outerDim == 0, 'keysOfTile: no whole outer product');
  let stored = bkTile(page, tile, shape),
    values = bvRows(page, shape) + tile * TILE * row;
  let to = scratch;
  for (let s: usize = 0; s < shape.rankK; s++) {
    if (shape.form == FIXED) {
      storeRotated(to, <usize>shape.bk + s * (headDim << 2), 0, position, shape); // one row for all tokens
    } else if (shape.form == SHARED) {
      storeRotated(to, values, row, position, shape);
    } else if (shape.form == LATENT) {
      storeTransposed(to, values, row, shape.valueDim);
      memory.copy(to + <usize>shape.valueDim * TILE_ROW, stored, <usize>shape.keyRows * TILE_ROW);
    } else {
      outer(to, stored, headDim / shape.outerDim, shape.outerDim);
    }
    stored += <usize>shape.keyRows * TILE_ROW;
    values += row * (TILE << 1);
    to += headDim * TILE_ROW;
  }
  return scratch;
}

/** out (bDim · cDim, 48) = b ⊗ c, from b (bDim, 48) followed by c (cDim, 48). */
function outer(out: usize, b: usize, bDim: usize, cDim: usize): void {
  const c = b + bDim * TILE_ROW,
    cBytes = cDim * TILE_ROW;
  for (let i: usize = 0; i < bDim; i++) {
    for (let m: usize = 0; m < TILE_ROW; m += 16) {
      const factor = v128.load(b + m);
      for (let j = m; j < cBytes; j += TILE_ROW) v128.store(out + j, f32x4.mul(factor, v128.load(c + j)));
    }
    out += cBytes;
    b += TILE_ROW;
  }
}
