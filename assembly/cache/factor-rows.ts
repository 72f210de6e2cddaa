import { copyCodes } from './code-factors';
import { akTile, avTile, avTileStride, bkTile, bvRows, PAGE_TOKENS, storedRow, TILE, TILE_ROW } from '../layout/pages';
import { CacheShape, FactorRows, rowOf } from '../layout/records';

/**
 * Copies what the pages hold of tokens first … first + count: from rows into the pages, or with
 * `isRead`, a constant, out of them. One walk for both, so that one is the inverse of the other.
 */
@inline
function copyFactors(pages: usize, shape: CacheShape, first: usize, count: usize, rowsAt: usize, isRead: bool): void {
  const rows = changetype<FactorRows>(rowsAt);
  const heads = <usize>shape.heads,
    rankK = <usize>shape.rankK,
    rankV = <usize>shape.rankV;
  const row = storedRow(shape),
    valueBytes = (<usize>shape.valueRows) << 2;
  for (let i: usize = 0; i < count; i++) {
    const token = first + i;
    const page = <usize>load<u32>(pages + ((token / PAGE_TOKENS) << 2));
    const tile = (token % PAGE_TOKENS) / TILE,
      lane = (token % TILE) << 2;
    copyLane(bkTile(page, tile, shape) + lane, rowOf(rows.bk, rows.bkStride, i), 1, rankK * shape.keyRows, isRead);
    if (shape.headRows) {
      copyLane(akTile(page, tile, shape) + lane, rowOf(rows.ak, rows.akStride, i), rankK, heads, isRead);
      const av = avTile(page, shape) + tile * avTileStride(shape) + lane;
      copyLane(av, rowOf(rows.av, rows.avStride, i), rankV, heads, isRead);
    }
    let stored = bvRows(page, shape) + (token % PAGE_TOKENS) * row;
    let given = rowOf(rows.bv, rows.bvStride, i);
    for (let u: usize = 0; u < rankV; u++) {
      if (isRead) memory.copy(given, stored, valueBytes);
      else memory.copy(stored, given, valueBytes);
      stored += row * PAGE_TOKENS;
      given += valueBytes;
    }
  }
}

/** One lane of a tile (columns, rows), a tile row apart, from or to numbers (rows, columns). */
@inline
function copyLane(lane: usize, x: usize, columns: usize, rows: usize, isRead: bool): void {
  for (let j: usize = 0; j < columns; j++) {
    for (let i: usize = 0; i < rows; i++) {
      const at = x + ((i * columns + j) << 2);
      if (isRead) store<f32>(at, load<f32>(lane));
      else store<f32>(lane, load<f32>(at));
      lane += TILE_ROW;
    }
  }
}

/**
 * Copies the factors of `count` tokens into the pages, as tokens first … first + count; pages of codes
 * take them rounded (code-row.ts).
 *
 * @param pages u32 addresses of the pages that hold them
 * @param rowsAt FactorRows: ak (heads, rankK), bk (rankK, keyRows), av (heads, rankV),
 *   bv (rankV, valueRows) of each token; what the page does not hold is not read
 * No overlap; any alignment.
 */
export function appendFactors(pages: usize, shapeAt: usize, first: usize, count: usize, rowsAt: usize): void {
  const shape = changetype<CacheShape>(shapeAt);
  assert(shape.heads && shape.rankK && shape.rankV, 'appendFactors: an empty shape');
  if (shape.dtype) copyCodes(pages, shape, first, count, changetype<FactorRows>(rowsAt), false);
  else copyFactors(pages, shape, first, count, rowsAt, false);
}

/**
 * Copies the factors of tokens first … first + count out of the pages: the inverse of appendFactors,
 * bit for bit where pages are of float32. Rows as there; what the page does not hold is not written, nor are the gaps between
 * tokens.
 */
export function readFactors(pages: usize, shapeAt: usize, first: usize, count: usize, rowsAt: usize): void {
  const shape = changetype<CacheShape>(shapeAt);
  assert(shape.heads && shape.rankK && shape.rankV, 'readFactors: an empty shape');
  if (shape.dtype) copyCodes(pages, shape, first, count, changetype<FactorRows>(rowsAt), true);
  else copyFactors(pages, shape, first, count, rowsAt, true);
}
