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
} from './tiles';

/** Where the factors of new tokens lie: addresses, and numbers between tokens. Eight u32. */
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
 * Copies the factors of `count` tokens into the pages, as tokens first … first + count.
 *
 * @param pages u32 addresses of the pages that hold them
 * @param rowsAt FactorRows: ak (heads, rankK), bk (rankK, keyRows), av (heads, rankV),
 *   bv (rankV, valueRows) of each token; what the page does not hold is not read
 * No overlap; any alignment.
 */
export function appendFactors(pages: usize, shapeAt: usize, first: usize, count: usize, rowsAt: usize): void {
  const shape = changetype<CacheShape>(shapeAt),
    rows = changetype<FactorRows>(rowsAt);
  const heads = <usize>shape.heads,
    rankK = <usize>shape.rankK,
    rankV = <usize>shape.rankV;
  const row = storedRow(shape),
    valueBytes = (<usize>shape.valueRows) << 2;
  assert(heads && rankK && rankV, 'appendFactors: an empty shape');
  for (let i: usize = 0; i < count; i++) {
    const token = first + i;
    const page = <usize>load<u32>(pages + ((token / PAGE_TOKENS) << 2));
    const tile = (token % PAGE_TOKENS) / TILE,
      lane = (token % TILE) << 2;
    scatter(bkTile(page, tile, shape) + lane, <usize>rows.bk + i * rows.bkStride * 4, rankK * shape.keyRows);
    if (shape.headRows) {
      transpose(akTile(page, tile, shape) + lane, <usize>rows.ak + i * rows.akStride * 4, heads, rankK);
      const av = avTile(page, shape) + tile * avTileStride(shape) + lane;
      transpose(av, <usize>rows.av + i * rows.avStride * 4, heads, rankV);
    }
    let to = bvRows(page, shape) + (token % PAGE_TOKENS) * row;
    let from = <usize>rows.bv + i * rows.bvStride * 4;
    for (let u: usize = 0; u < rankV; u++) {
      memory.copy(to, from, valueBytes);
      to += row * PAGE_TOKENS;
      from += valueBytes;
    }
  }
}

/** One lane of a tile from (heads, rank): out (rank, heads), a tile row apart. */
// @ts-ignore: decorator
@inline
function transpose(out: usize, x: usize, heads: usize, rank: usize): void {
  for (let s: usize = 0; s < rank; s++) {
    for (let h: usize = 0; h < heads; h++) {
      store<f32>(out, load<f32>(x + ((h * rank + s) << 2)));
      out += TILE_ROW;
    }
  }
}

/** One lane of a tile from `count` numbers, a tile row apart. */
// @ts-ignore: decorator
@inline
function scatter(out: usize, x: usize, count: usize): void {
  for (const end = x + (count << 2); x < end; x += 4) {
    store<f32>(out, load<f32>(x));
    out += TILE_ROW;
  }
}
