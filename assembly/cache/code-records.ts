import { akCode, akScales, avCode, avScales, bkCode, bkScales, bvCode, bvScales } from '../layout/code-pages';
import { codeSize, keyPairs, largestCode } from '../layout/code-pages';
import { PAGE_TOKENS, TILE } from '../layout/pages';
import { CacheShape, Q8 } from '../layout/records';
import { storeCode } from './code-row';

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
  if (!isLoad) {
    store<f32>(record, load<f32>(scale));
    if (shape.dtype == Q8) saveCodes<i8>(record + 4, codes, pair, odd, count);
    else saveCodes<i16>(record + 4, codes, pair, odd, count);
    return true;
  }
  const factor = load<f32>(record);
  store<f32>(scale, factor);
  const largest =
    shape.dtype == Q8
      ? loadCodes<i8>(record + 4, codes, pair, odd, count)
      : loadCodes<i16>(record + 4, codes, pair, odd, count);
  // false for a NaN
  return factor >= 0 && factor <= f32.MAX_VALUE / <f32>largestCode(shape) && largest <= largestCode(shape);
}

/** Codes (count) of a rank that lie in pairs, one after the other. */
function saveCodes<T>(out: usize, codes: usize, pair: usize, odd: usize, count: usize): void {
  const end = out + count * sizeof<T>();
  for (; out + sizeof<T>() < end; out += 2 * sizeof<T>()) {
    store<T>(out, load<T>(codes));
    store<T>(out, load<T>(codes + odd), sizeof<T>());
    codes += pair;
  }
  if (out < end) store<T>(out, load<T>(codes));
}

/** The inverse. @returns the largest of the codes, without its sign */
function loadCodes<T>(from: usize, codes: usize, pair: usize, odd: usize, count: usize): i32 {
  const end = from + count * sizeof<T>();
  let largest: i32 = 0;
  for (; from + sizeof<T>() < end; from += 2 * sizeof<T>()) {
    const a = load<T>(from),
      b = load<T>(from, sizeof<T>());
    store<T>(codes, a);
    store<T>(codes + odd, b);
    largest = max(largest, max(abs(<i32>a), abs(<i32>b)));
    codes += pair;
  }
  if (from < end) {
    const a = load<T>(from);
    store<T>(codes, a);
    largest = max(largest, abs(<i32>a));
  }
  return largest;
}
