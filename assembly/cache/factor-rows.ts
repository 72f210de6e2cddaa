import {
  akTile,
  avTile,
  avTileStride,
  bkTile,
  bvRows,
  CacheShape,
  PAGE_TOKENS,
  storedRow,
  TILE,
  TILE_ROW,
} from '../layout/pages';

/** Where the factors of tokens lie outside the pages: addresses, and numbers between tokens. Eight u32. */
@unmanaged
export class FactorRows {
  ak: u32;
  akStride: u32;
  bk: u32;
  bkStride: u32;
  av: u32;
  avStride: u32;
  bv: u32;
  bvStride: u32;
}

/**
 * Copies what the pages hold of tokens first … first + count: from rows into the pages, or with
 * `isRead`, a constant, out of them. One walk for both, so that one is the inverse of the other.
 */
// @ts-ignore: decorator
@inline
export function copyFactors(
  pages: usize,
  shapeAt: usize,
  first: usize,
  count: usize,
  rowsAt: usize,
  isRead: bool,
): void {
  const shape = changetype<CacheShape>(shapeAt),
    rows = changetype<FactorRows>(rowsAt);
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
    copyLane(
      bkTile(page, tile, shape) + lane,
      <usize>rows.bk + i * rows.bkStride * 4,
      1,
      rankK * shape.keyRows,
      isRead,
    );
    if (shape.headRows) {
      copyLane(akTile(page, tile, shape) + lane, <usize>rows.ak + i * rows.akStride * 4, rankK, heads, isRead);
      const av = avTile(page, shape) + tile * avTileStride(shape) + lane;
      copyLane(av, <usize>rows.av + i * rows.avStride * 4, rankV, heads, isRead);
    }
    let stored = bvRows(page, shape) + (token % PAGE_TOKENS) * row;
    let given = <usize>rows.bv + i * rows.bvStride * 4;
    for (let u: usize = 0; u < rankV; u++) {
      if (isRead) memory.copy(given, stored, valueBytes);
      else memory.copy(stored, given, valueBytes);
      stored += row * PAGE_TOKENS;
      given += valueBytes;
    }
  }
}

/** One lane of a tile (columns, rows), a tile row apart, from or to numbers (rows, columns). */
// @ts-ignore: decorator
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
