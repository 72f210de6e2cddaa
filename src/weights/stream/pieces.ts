import { BLOCK, blocksOf } from '../../layout/blocks.ts';

/** A part of a tensor that is read at once: whole rows, or whole blocks of one row. */
export interface TensorPiece {
  /** Numbers first … first + count of the tensor. */
  readonly first: number;
  readonly count: number;
  /** The same as (rows, width). */
  readonly rows: number;
  readonly width: number;
  /** The same counted in blocks of 32 along each row. */
  readonly firstBlock: number;
  readonly blocks: number;
}

/** The longest block of any type, that of K-quants. */
export const LONGEST_BLOCK = 256;

/**
 * Cuts a tensor, row by row.
 *
 * @param unit numbers that are not cut apart, a power of two of at most `most`
 * @param most numbers of a piece, where unit is 32 or more counting what fills up the last block of
 *   a row
 */
export function* cutPieces(
  shape: readonly number[],
  unit: number,
  most: number,
): Generator<TensorPiece> {
  const k = shape.at(-1)!;
  const all = shape.reduce((product, length) => product * length, 1) / k;
  const rowsAtOnce = Math.floor(most / (unit < BLOCK ? k : blocksOf(k) * BLOCK));
  const part = rowsAtOnce > 0 ? k : most - (most % unit);
  for (let row = 0; row < all;) {
    const rows = Math.min(Math.max(1, rowsAtOnce), all - row);
    for (let at = 0; at < k; at += part) {
      const width = Math.min(part, k - at);
      yield {
        first: row * k + at,
        count: rows * width,
        rows,
        width,
        firstBlock: row * blocksOf(k) + Math.floor(at / BLOCK),
        blocks: rows * blocksOf(width),
      };
    }
    row += rows;
  }
}
