import { codeTile1x4, codeTile1x48, codeTile3x12, codeTile3x4 } from './code-tile';

/**
 * Rows of integers (code-operand.ts) times codes in pairs, the loop over register tiles: with scales
 *
 *   out (rows, columns) = factor of the row · Σ_k a b · scale of the column,
 *
 * without them out += factor of the row · Σ_k a b. The last rows, where they are no three, are computed more
 * than once, the first time to where they belong.
 *
 * @param out rows ldo bytes apart; columns a multiple of 4
 * @param spare a row of `columns` numbers that nobody else uses
 * @param a (rows, pairs, 2) 16-bit integers, rows lda bytes apart
 * @param b (pairs, columns, 2) codes of `size` bytes, pairs ldb bytes apart
 * @param factors (rows)
 * @param scales (columns), or 0
 * No overlap; any alignment.
 */
export function codeProduct(
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
  scales: usize,
  size: usize,
): void {
  if (rows == 1) {
    if (size == 1) rowStrips(spare, a, b, ldb, columns, pairs, factors, 1);
    else rowStrips(spare, a, b, ldb, columns, pairs, factors, 2);
    for (const end = out + (columns << 2); out < end; out += 16) {
      const row = v128.load(spare);
      v128.store(out, scales ? f32x4.mul(row, v128.load(scales)) : f32x4.add(v128.load(out), row));
      spare += 16;
      if (scales) scales += 16;
    }
  } else if (scales) {
    if (size == 1) strips(out, ldo, spare, a, lda, b, ldb, rows, columns, pairs, factors, scales, true, 1);
    else strips(out, ldo, spare, a, lda, b, ldb, rows, columns, pairs, factors, scales, true, 2);
  } else {
    if (size == 1) strips(out, ldo, spare, a, lda, b, ldb, rows, columns, pairs, factors, 0, false, 1);
    else strips(out, ldo, spare, a, lda, b, ldb, rows, columns, pairs, factors, 0, false, 2);
  }
}

/** With the last two literals: what the compiler then leaves has registers enough. */
@inline
function strips(
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
  scales: usize,
  hasScales: bool,
  size: usize,
): void {
  for (let j: usize = 0; j < columns;) {
    const rest = columns - j,
      codes = b + (j << 1) * size,
      scale = scales + (j << 2);
    for (let i: usize = 0; i < rows; i += 3) {
      const second: usize = i + 1 < rows ? 1 : 0,
        third: usize = i + 2 < rows ? 2 : 0;
      const x = a + i * lda,
        x1 = x + second * lda,
        x2 = x + third * lda;
      const to = out + i * ldo + (j << 2),
        nowhere = spare + (j << 2),
        to1 = second ? to + ldo : nowhere,
        to2 = third ? to + (ldo << 1) : nowhere;
      const factor = factors + (i << 2),
        f = v128.load32_splat(factor),
        f1 = v128.load32_splat(factor + (second << 2)),
        f2 = v128.load32_splat(factor + (third << 2));
      if (rest >= 12) codeTile3x12(to, to1, to2, x, x1, x2, codes, ldb, pairs, f, f1, f2, scale, hasScales, size);
      else codeTile3x4(to, to1, to2, x, x1, x2, codes, ldb, pairs, f, f1, f2, scale, hasScales, size);
    }
    j += rest >= 12 ? 12 : 4;
  }
}

/** One row, which has codes of its own and waits for memory; `size` is a literal. */
@inline
function rowStrips(
  out: usize,
  a: usize,
  b: usize,
  ldb: usize,
  columns: usize,
  pairs: usize,
  factor: usize,
  size: usize,
): void {
  const f = v128.load32_splat(factor);
  for (let j: usize = 0; j < columns;) {
    const isWhole = columns - j >= 48,
      to = out + (j << 2),
      codes = b + (j << 1) * size;
    if (isWhole) codeTile1x48(to, a, codes, ldb, pairs, f, size);
    else codeTile1x4(to, a, codes, ldb, pairs, f, size);
    j += isWhole ? 48 : 4;
  }
}
