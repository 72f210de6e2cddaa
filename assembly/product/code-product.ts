import { codeTile2x24, codeTile2x4, codeTile2x8, SCORES, VALUES } from './code-tile';

/*
 * Products of rows of integers (code-operand.ts) with codes in pairs: the loop over register tiles. An odd
 * last row is computed twice, the second time to nowhere.
 */

/**
 * out (rows, columns) = factor of the row · Σ_k a b · scale of the column.
 *
 * @param out rows ldo bytes apart; columns a multiple of 4
 * @param a (rows, pairs, 2) 16-bit integers, rows lda bytes apart
 * @param b (pairs, columns, 2) codes of `size` bytes, ldb bytes apart
 * @param factors (rows)
 * @param scales (columns)
 * No overlap; any alignment.
 */
export function codeScores(
  out: usize,
  ldo: usize,
  a: usize,
  lda: usize,
  b: usize,
  ldb: usize,
  rows: usize,
  columns: usize,
  pairs: usize,
  factors: usize,
  scales: usize,
  size: usize,
): void {
  if (size == 1) codeProduct(out, ldo, 0, a, lda, b, ldb, rows, columns, pairs, factors, SCORES, scales, 1);
  else codeProduct(out, ldo, 0, a, lda, b, ldb, rows, columns, pairs, factors, SCORES, scales, 2);
}

/**
 * out (rows, columns) += factor of the row · Σ_k a b, otherwise as {@link codeScores}.
 *
 * @param spare a row of `columns` numbers that nobody reads
 */
export function codeValues(
  out: usize,
  ldo: usize,
  spare: usize,
  a: usize,
  lda: usize,
  b: usize,
  ldb: usize,
  rows: usize,
  columns: usize,
  pairs: usize,
  factors: usize,
  size: usize,
): void {
  if (size == 1) codeProduct(out, ldo, spare, a, lda, b, ldb, rows, columns, pairs, factors, VALUES, 0, 1);
  else codeProduct(out, ldo, spare, a, lda, b, ldb, rows, columns, pairs, factors, VALUES, 0, 2);
}


@inline
function codeProduct(
  out: usize,
  ldo: usize,
  spare: usize,
  a: usize,
  lda: usize,
  b: usize,
  ldb: usize,
  rows: usize,
  columns: usize,
  pairs: usize,
  factors: usize,
  mode: i32,
  scales: usize,
  size: usize,
): void {
  for (let j: usize = 0; j < columns;) {
    const rest = columns - j,
      width: usize = rest >= 24 ? 24 : rest >= 8 ? 8 : 4;
    const codes = b + (j << 1) * size,
      scale = scales + (j << 2);
    for (let i: usize = 0; i < rows; i += 2) {
      const isPair = i + 1 < rows,
        to = out + i * ldo + (j << 2),
        x = a + i * lda,
        x1 = isPair ? x + lda : x,
        factor = factors + (i << 2),
        factor1 = isPair ? factor + 4 : factor;
      const to1 = isPair ? to + ldo : mode == SCORES ? to : spare + (j << 2);
      if (width == 24) codeTile2x24(to, to1, x, x1, codes, ldb, pairs, factor, factor1, mode, scale, size);
      else if (width == 8) codeTile2x8(to, to1, x, x1, codes, ldb, pairs, factor, factor1, mode, scale, size);
      else codeTile2x4(to, to1, x, x1, codes, ldb, pairs, factor, factor1, mode, scale, size);
    }
    j += width;
  }
}
