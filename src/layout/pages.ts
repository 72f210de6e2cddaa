import { type AttentionSpec, cacheNumbersPerToken, storedNumbers } from '../attention/spec.ts';
import { CACHE_NUMBER_BYTES, type CacheDtype } from './cache-dtype.ts';
import { bytesOf, numberAt, padToVector } from './numbers.ts';
import type { FactorRows } from './records.ts';

/** Tokens of a tile of a page (assembly/layout/pages.ts); a block of queries is as long. */
export const TILE = 48;

/** Tokens of a page: two tiles. */
export const PAGE_TOKENS = 2 * TILE;

/**
 * Bytes of one page: what it holds of 96 tokens, rows of B_V in whole vectors; of codes those of B_K in
 * whole pairs (assembly/layout/code-pages.ts).
 */
export function pageBytes(spec: AttentionSpec, dtype: CacheDtype = 'f32'): number {
  const { rankK, rankV } = spec;
  const { keyRows, valueRows } = storedNumbers(spec);
  const ofKeys = dtype === 'f32' ? 0 : rankK * (keyRows % 2);
  const padding = ofKeys + rankV * (padToVector(valueRows) - valueRows);
  return PAGE_TOKENS * (tokenBytes(spec, dtype) + padding * CACHE_NUMBER_BYTES[dtype]);
}

/** Bytes of a token in a layer, padding aside: numbers, or codes and a float32 scale for each row. */
export function tokenBytes(spec: AttentionSpec, dtype: CacheDtype = 'f32'): number {
  if (spec.score === 'linear') return 0;
  const scales = dtype === 'f32' ? 0 : rowsPerToken(spec);
  return cacheNumbersPerToken(spec) * CACHE_NUMBER_BYTES[dtype] + bytesOf(scales);
}

/** Rows of a token that a page holds, one for each rank of a factor. */
function rowsPerToken(spec: AttentionSpec): number {
  const { headRows, keyRows, valueRows } = storedNumbers(spec);
  const [head, key, value] = [headRows, keyRows, valueRows].map((numbers) => Math.min(numbers, 1));
  return spec.rankK * (head! + key!) + spec.rankV * (head! + value!);
}

/** A factor of a token where factors lie side by side. */
export interface Piece {
  readonly factor: 'ak' | 'bk' | 'av' | 'bv';
  /** Numbers before it. */
  readonly from: number;
  readonly numbers: number;
}

/**
 * The order of a token's numbers wherever a token is in one piece: in staging, on a GPU, in a file.
 * ak (heads, rankK), bk (rankK, keyRows), av (heads, rankV), bv (rankV, valueRows), with 0 numbers of
 * what is not cached.
 */
export function piecesOf(spec: AttentionSpec): readonly Piece[] {
  const { rankK, rankV } = spec;
  const { headRows, keyRows, valueRows } = storedNumbers(spec);
  const bk = headRows * rankK;
  const av = bk + rankK * keyRows;
  const bv = av + headRows * rankV;
  return [
    { factor: 'ak', from: 0, numbers: bk },
    { factor: 'bk', from: bk, numbers: av - bk },
    { factor: 'av', from: av, numbers: bv - av },
    { factor: 'bv', from: bv, numbers: rankV * valueRows },
  ];
}

/**
 * Tokens at `address`, the numbers of each in the order of {@link piecesOf}.
 *
 * @param stride numbers between tokens
 */
export function rowsAt(
  spec: AttentionSpec,
  address: number,
  stride = cacheNumbersPerToken(spec),
): FactorRows {
  const [ak, bk, av, bv] = piecesOf(spec).map(({ from }) => numberAt(address, from));
  const strides = { akStride: stride, bkStride: stride, avStride: stride, bvStride: stride };
  return { ak: ak!, bk: bk!, av: av!, bv: bv!, ...strides };
}
