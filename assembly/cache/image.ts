import { akCodes, akScales, avCodes, avScales, bkCodes, bkScales, bvCodes, bvScales } from '../layout/code-pages';
import { codeSize, keyPairs, PAGE_PAIRS, storedStride } from '../layout/code-pages';
import {
  akTile,
  avTile,
  avTileStride,
  bkTile,
  bvRows,
  pageBytes,
  PAGE_TOKENS,
  storedRow,
  TILE,
  TILE_ROW,
} from '../layout/pages';
import { CacheShape } from '../layout/records';

/*
 * The float32 image of a page of codes, for what is not computed with codes: blocks of queries, and
 * factors that are formed. Half the time of a decode by itself, little beside a block.
 */

/** Bytes of scratch that {@link imageOf} needs. */
export function imageScratch(shapeAt: usize): usize {
  return changetype<CacheShape>(shapeAt).dtype ? pageBytes(shapeAt) : 0;
}

/**
 * A page as a page of float32: itself, or formed in scratch from its codes.
 *
 * @param firstRank ranks of K and V to form, from this one on: the K/V heads of a dense cache, whose two
 *   ranks are the same number
 * @param ranks how many at most
 */
export function imageOf(page: usize, shape: CacheShape, scratch: usize, firstRank: usize, ranks: usize): usize {
  if (!shape.dtype) return page;
  formImage(page, shape, scratch, firstRank, ranks);
  return scratch;
}

/** The page that token `first` is the first of, as a page of float32: all ranks of {@link imageOf}. */
@inline
export function pageAt(pages: usize, first: usize, shape: CacheShape, scratch: usize): usize {
  const page = <usize>load<u32>(pages + ((first / PAGE_TOKENS) << 2));
  return imageOf(page, shape, scratch, 0, max(shape.rankK, shape.rankV));
}

function formImage(page: usize, shape: CacheShape, to: usize, firstRank: usize, ranks: usize): void {
  const size = codeSize(shape),
    heads = <usize>shape.headRows,
    pairs = keyPairs(shape),
    stride = storedStride(shape),
    row = storedRow(shape);
  const endK = min<usize>(shape.rankK, firstRank + ranks),
    endV = min<usize>(shape.rankV, firstRank + ranks);
  for (let tile: usize = 0; tile < 2; tile++) {
    for (let s = firstRank; s < endK; s++) {
      const scale = s * TILE_ROW;
      if (shape.keyRows) {
        const codes = bkCodes(page, tile, shape) + s * pairs * (TILE << 1) * size,
          keys = bkTile(to, tile, shape) + s * shape.keyRows * TILE_ROW;
        formKeys(keys, codes, bkScales(page, tile, shape) + scale, shape.keyRows, size);
      }
      if (heads) {
        const codes = akCodes(page, tile, shape) + s * heads * TILE * size,
          ak = akTile(to, tile, shape) + s * heads * TILE_ROW;
        formHeads(ak, codes, akScales(page, tile, shape) + scale, heads, size);
      }
    }
    for (let u = firstRank; heads && u < endV; u++) {
      const codes = avCodes(page, tile, shape) + u * heads * TILE * size,
        av = avTile(to, shape) + tile * avTileStride(shape) + u * heads * TILE_ROW;
      formHeads(av, codes, avScales(page, tile, shape) + u * TILE_ROW, heads, size);
    }
  }
  for (let u = firstRank; shape.valueRows && u < endV; u++) {
    for (let tile: usize = 0; tile < 2; tile++) {
      const first = u * PAGE_PAIRS + tile * (TILE >> 1),
        codes = bvCodes(page, shape) + first * (stride << 1) * size;
      formValues(bvRows(to, shape) + (first << 1) * row, codes, bvScales(page, tile, shape) + u * TILE_ROW, row, size);
    }
  }
}

/** keys (rows, 48) from pairs of features. */
function formKeys(to: usize, codes: usize, scales: usize, rows: usize, size: usize): void {
  for (let i: usize = 0; i < rows; i += 2) {
    for (let j: usize = 0; j < TILE_ROW; j += 16) {
      const pairs = loadPairs(codes, size),
        scale = v128.load(scales + j);
      v128.store(to + j, f32x4.mul(firstOf(pairs), scale));
      if (i + 1 < rows) v128.store(to + j + TILE_ROW, f32x4.mul(secondOf(pairs), scale));
      codes += size << 3;
    }
    to += TILE_ROW << 1;
  }
}

/** a (rows, 48) */
function formHeads(to: usize, codes: usize, scales: usize, rows: usize, size: usize): void {
  for (const end = to + rows * TILE_ROW; to < end; to += TILE_ROW) {
    for (let j: usize = 0; j < TILE_ROW; j += 16) {
      v128.store(to + j, f32x4.mul(loadFour(codes, size), v128.load(scales + j)));
      codes += size << 2;
    }
  }
}

/** values (48, row) from pairs of tokens */
function formValues(to: usize, codes: usize, scales: usize, row: usize, size: usize): void {
  for (const end = scales + TILE_ROW; scales < end; scales += 8) {
    const even = v128.load32_splat(scales),
      odd = v128.load32_splat(scales, 4);
    for (let j: usize = 0; j < row; j += 16) {
      const pairs = loadPairs(codes, size);
      v128.store(to + j, f32x4.mul(firstOf(pairs), even));
      v128.store(to + j + row, f32x4.mul(secondOf(pairs), odd));
      codes += size << 3;
    }
    to += row << 1;
  }
}

/** Four pairs of codes as 16-bit integers. */
@inline
function loadPairs(codes: usize, size: usize): v128 {
  return size == 1 ? v128.load8x8_s(codes) : v128.load(codes);
}

/** The first of each pair. */
@inline
function firstOf(pairs: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(pairs, 16), 16));
}

/** The second of each pair. */
@inline
function secondOf(pairs: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.shr_s(pairs, 16));
}

/** Four codes. */
@inline
export function loadFour(codes: usize, size: usize): v128 {
  const integers =
    size == 1 ? i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(codes))) : v128.load16x4_s(codes);
  return f32x4.convert_i32x4_s(integers);
}
