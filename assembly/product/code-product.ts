import { codeTile3x12, codeTile3x4, SCORES, VALUES } from './code-tile';

/*
 * Products of rows of integers (code-operand.ts) with codes in pairs: the loop over register tiles. The last
 * rows, where they are no three, are computed more than once, the first time to where they belong.
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
    const isWide = columns - j >= 12,
      codes = b + (j << 1) * size,
      scale = scales + (j << 2);
    for (let i: usize = 0; i < rows; i += 3) {
      const second: usize = i + 1 < rows ? 1 : 0,
        third: usize = i + 2 < rows ? 2 : 0;
      const x = a + i * lda,
        x1 = x + second * lda,
        x2 = x + third * lda;
      const to = out + i * ldo + (j << 2),
        nowhere = mode == SCORES ? to : spare + (j << 2),
        to1 = second ? to + ldo : nowhere,
        to2 = third ? to + (ldo << 1) : nowhere;
      const factor = factors + (i << 2),
        f = v128.load32_splat(factor),
        f1 = v128.load32_splat(factor + (second << 2)),
        f2 = v128.load32_splat(factor + (third << 2));
      if (isWide) codeTile3x12(to, to1, to2, x, x1, x2, codes, ldb, pairs, f, f1, f2, mode, scale, size);
      else codeTile3x4(to, to1, to2, x, x1, x2, codes, ldb, pairs, f, f1, f2, mode, scale, size);
    }
    j += isWide ? 12 : 4;
  }
}
