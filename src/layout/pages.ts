import { type AttentionSpec, cacheNumbersPerToken, storedNumbers } from '../attention/spec.ts';
import { bytesOf, numberAt, padToVector } from './numbers.ts';
import type { FactorRows } from './records.ts';

/** Tokens of a tile of a page (assembly/layout/pages.ts); a block of queries is as long. */
export const TILE = 48;

/** Tokens of a page: two tiles. */
export const PAGE_TOKENS = 2 * TILE;

/** Bytes of one page: what it holds of 96 tokens, rows of B_V in whole vectors. */
export function pageBytes(spec: AttentionSpec): number {
  const { rankV } = spec;
  const { valueRows } = storedNumbers(spec);
  const padding = rankV * (padToVector(valueRows) - valueRows);
  return bytesOf(PAGE_TOKENS * (cacheNumbersPerToken(spec) + padding));
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
