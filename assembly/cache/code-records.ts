import { akCode, akScales, avCode, avScales, bkCode, bkScales, bvCode, bvScales } from '../layout/code-pages';
import { codeSize, keyPairs, largestCode } from '../layout/code-pages';
import { PAGE_TOKENS, TILE } from '../layout/pages';
import { CacheShape } from '../layout/records';
import { loadCode, storeCode } from './code-row';

/*
 * Tokens of a cache of codes as they are saved, one record after the other: the factors ak, bk, av, bv, of
 * each its ranks, of each rank its scale (float32) and its codes. What is not stored has no rank.
 */

/** Copies tokens first … first + count of the pages to `records`, exactly. No overlap, any alignment. */
export function saveRecords(pages: usize, shapeAt: usize, first: usize, count: usize, records: usize): void {
  copyRecords(pages, changetype<CacheShape>(shapeAt), first, count, records, false);
}

/**
 * Copies `count` records into the pages, as tokens first … first + count.
 *
 * @returns false where a scale is negative, infinite or no number, or a code larger than the largest: what
 *   is in the pages then is not to be used
 */
export function loadRecords(pages: usize, shapeAt: usize, first: usize, count: usize, records: usize): bool {
  return copyRecords(pages, changetype<CacheShape>(shapeAt), first, count, records, true);
}

/** Bytes of a record. */
export function recordBytes(shapeAt: usize): usize {
  const shape = changetype<CacheShape>(shapeAt),
    size = codeSize(shape);
  const key: usize = shape.keyRows ? 4 + shape.keyRows * size : 0,
    head: usize = shape.headRows ? 4 + shape.headRows * size : 0,
    value: usize = shape.valueRows ? 4 + shape.valueRows * size : 0;
  return shape.rankK * (key + head) + shape.rankV * (head + value);
}

function copyRecords(pages: usize, shape: CacheShape, first: usize, count: usize, record: usize, isLoad: bool): bool {
  const rankK = <usize>shape.rankK,
    rankV = <usize>shape.rankV,
    heads = <usize>shape.headRows,
    keys = <usize>shape.keyRows,
    values = <usize>shape.valueRows,
    size = codeSize(shape);
  assert(shape.dtype, 'copyRecords: pages of float32');
  const apart = (TILE << 1) * size; // bytes from one pair to the next where tokens lie innermost
  let isValid = true;
  for (let i: usize = 0; i < count; i++) {
    const token = (first + i) % PAGE_TOKENS,
      tile = token / TILE,
      lane = (token % TILE) << 2;
    const page = <usize>load<u32>(pages + (((first + i) / PAGE_TOKENS) << 2));
    for (let s: usize = 0; heads && s < rankK; s++) {
      const scale = akScales(page, tile, shape) + lane + s * (TILE << 2),
        codes = akCode(page, token, s, shape);
      isValid = copyRecord(record, codes, scale, apart, apart >> 1, heads, shape, isLoad) && isValid;
      record += 4 + heads * size;
    }
    for (let s: usize = 0; keys && s < rankK; s++) {
      const scale = bkScales(page, tile, shape) + lane + s * (TILE << 2),
        codes = bkCode(page, token, s, shape);
      isValid = copyRecord(record, codes, scale, apart, size, keys, shape, isLoad) && isValid;
      // dot products read whole pairs
      if (isLoad && keys & 1) storeCode(codes + (keyPairs(shape) - 1) * apart + size, 0, shape);
      record += 4 + keys * size;
    }
    for (let u: usize = 0; heads && u < rankV; u++) {
      const scale = avScales(page, tile, shape) + lane + u * (TILE << 2),
        codes = avCode(page, token, u, shape);
      isValid = copyRecord(record, codes, scale, apart, apart >> 1, heads, shape, isLoad) && isValid;
      record += 4 + heads * size;
    }
    for (let u: usize = 0; values && u < rankV; u++) {
      const scale = bvScales(page, tile, shape) + lane + u * (TILE << 2),
        codes = bvCode(page, token, u, shape);
      isValid = copyRecord(record, codes, scale, size << 2, size << 1, values, shape, isLoad) && isValid;
      record += 4 + values * size;
    }
  }
  return isValid;
}

/** One rank of a record; false if it holds what no cache has. */
function copyRecord(
  record: usize,
  codes: usize,
  scale: usize,
  pair: usize,
  odd: usize,
  count: usize,
  shape: CacheShape,
  isLoad: bool,
): bool {
  const from = record + 4,
    size = codeSize(shape);
  if (!isLoad) {
    store<f32>(record, load<f32>(scale));
    for (let i: usize = 0; i < count; i++) {
      storeCode(from + i * size, loadCode(codes + (i >> 1) * pair + (i & 1) * odd, shape), shape);
    }
    return true;
  }
  const factor = load<f32>(record);
  let largest: i32 = 0;
  store<f32>(scale, factor);
  for (let i: usize = 0; i < count; i++) {
    const code = loadCode(from + i * size, shape);
    largest = max(largest, abs(code));
    storeCode(codes + (i >> 1) * pair + (i & 1) * odd, code, shape);
  }
  // false for a NaN
  return factor >= 0 && factor <= f32.MAX_VALUE && largest <= largestCode(shape);
}
