import { akCode, akScales, avCode, avScales, bkCode, bkScales, bvCode, bvScales } from '../layout/code-pages';
import { codeSize, keyPairs, largestCode } from '../layout/code-pages';
import { PAGE_TOKENS, TILE } from '../layout/pages';
import { CacheShape, FactorRows, rowOf } from '../layout/records';
import { dequantizeRow, quantizeRow, storeCode } from './code-row';

/**
 * As copyFactors, of pages of codes: rows are rounded to codes on their way in, and codes times their scale
 * on their way out. One walk for both, so that what one writes the other reads.
 */
export function copyCodes(
  pages: usize,
  shape: CacheShape,
  first: usize,
  count: usize,
  rows: FactorRows,
  isRead: bool,
): void {
  const rankK = <usize>shape.rankK,
    rankV = <usize>shape.rankV,
    heads = <usize>shape.headRows,
    keys = <usize>shape.keyRows,
    values = <usize>shape.valueRows,
    size = codeSize(shape);
  const apart = (TILE << 1) * size; // bytes from one pair to the next where tokens lie innermost
  for (let i: usize = 0; i < count; i++) {
    const token = (first + i) % PAGE_TOKENS,
      tile = token / TILE,
      lane = (token % TILE) << 2;
    const page = <usize>load<u32>(pages + (((first + i) / PAGE_TOKENS) << 2));
    for (let s: usize = 0; s < rankK; s++) {
      const scale = lane + s * (TILE << 2);
      if (keys) {
        const codes = bkCode(page, token, s, shape),
          x = rowOf(rows.bk, rows.bkStride, i) + ((s * keys) << 2);
        copyRow(codes, bkScales(page, tile, shape) + scale, apart, size, x, 4, keys, shape, isRead);
        // dot products read whole pairs
        if (!isRead && keys & 1) storeCode(codes + (keyPairs(shape) - 1) * apart + size, 0, shape);
      }
      if (heads) {
        const codes = akCode(page, token, s, shape),
          x = rowOf(rows.ak, rows.akStride, i) + (s << 2);
        copyRow(codes, akScales(page, tile, shape) + scale, apart, apart >> 1, x, rankK << 2, heads, shape, isRead);
      }
    }
    for (let u: usize = 0; u < rankV; u++) {
      const scale = lane + u * (TILE << 2);
      if (heads) {
        const codes = avCode(page, token, u, shape),
          x = rowOf(rows.av, rows.avStride, i) + (u << 2);
        copyRow(codes, avScales(page, tile, shape) + scale, apart, apart >> 1, x, rankV << 2, heads, shape, isRead);
      }
      if (values) {
        const codes = bvCode(page, token, u, shape),
          x = rowOf(rows.bv, rows.bvStride, i) + ((u * values) << 2);
        copyRow(codes, bvScales(page, tile, shape) + scale, size << 2, size << 1, x, 4, values, shape, isRead);
      }
    }
  }
}


@inline
function copyRow(
  codes: usize,
  scale: usize,
  pair: usize,
  odd: usize,
  x: usize,
  step: usize,
  count: usize,
  shape: CacheShape,
  isRead: bool,
): void {
  if (isRead) dequantizeRow(codes, scale, pair, odd, x, step, count, shape);
  else quantizeRow(codes, scale, pair, odd, x, step, count, largestCode(shape), shape);
}
