import { tile1x16, tile1x32, tile1x4, tile1x48 } from './row';
import { ADD, STORE, tile2x16, tile2x24 } from './tile';

/** Bytes of the strips of columns that a tile covers. */
const STRIP24: usize = 96;
const STRIP16: usize = 64;

/**
 * Bytes of `width` to cover with strips of 24 columns, so that strips of 16 cover the rest if
 * strips can: as many as fit, one less where the rest would be odd in units of 8 columns.
 */
@inline
function wideStrips(width: usize): usize {
  if (!ASC_FEATURE_RELAXED_SIMD) return 0;
  const strips = width / STRIP24,
    units = (width >> 5) - 3 * strips;
  return strips && units & 1 ? (strips - 1) * STRIP24 : strips * STRIP24;
}

/**
 * out (pairs of rows, columns) (+)= A (pairs of rows, k) · B (k, columns), for all columns that
 * strips of 24 or of 16 can cover: the one loop over register tiles. `mode` and `isSplatted` are
 * literals at every call; strides and width in bytes.
 *
 * @param pairs rows, an even number; with isSplatted A is (pairs, k, 2, 4 lanes) and lda unused
 * @param scale (rows, width) for the modes that scale
 * @returns bytes of the columns covered
 */
@inline
export function stripProduct(
  out: usize,
  a: usize,
  b: usize,
  pairs: usize,
  width: usize,
  k: usize,
  ldo: usize,
  lda: usize,
  ldb: usize,
  mode: i32,
  scale: usize,
  isSplatted: bool,
): usize {
  const wide = wideStrips(width),
    covered = wide + ((width - wide) / STRIP16) * STRIP16;
  const step = isSplatted ? k << 4 : lda;
  for (let j: usize = 0; j < wide; j += STRIP24) {
    for (let i: usize = 0; i < pairs; i += 2) {
      const to = out + i * ldo + j,
        factor = scale + i * width + j;
      tile2x24(to, ldo, a + i * step, lda, b + j, ldb, k, mode, factor, width, isSplatted);
    }
  }
  for (let j = wide; j < covered; j += STRIP16) {
    for (let i: usize = 0; i < pairs; i += 2) {
      const to = out + i * ldo + j,
        factor = scale + i * width + j;
      tile2x16(to, ldo, a + i * step, lda, b + j, ldb, k, mode, factor, width, isSplatted);
    }
  }
  return covered;
}

/**
 * out (rows, columns) (+)= A (rows, k) · B (k, columns).
 * Columns come in fours; strides are in bytes, any alignment; out must not overlap A or B.
 */
@inline
function product(
  out: usize,
  a: usize,
  b: usize,
  rows: usize,
  columns: usize,
  k: usize,
  ldo: usize,
  lda: usize,
  ldb: usize,
  mode: i32,
): void {
  const width = columns << 2,
    pairs = rows & ~1;
  const covered = stripProduct(out, a, b, pairs, width, k, ldo, lda, ldb, mode, 0, false);
  for (let i: usize = width == covered ? pairs : 0; i < rows; i++) {
    rowProduct(out + i * ldo, a + i * lda, b, k, i < pairs ? covered : 0, width, ldb, mode);
  }
}

/** Columns j … width of one row; 64 are better two strips of 32 than 48 and 16. */
@inline
function rowProduct(out: usize, a: usize, b: usize, k: usize, j: usize, width: usize, ldb: usize, mode: i32): void {
  while (j < width) {
    const rest = width - j;
    if (rest >= 192 && (rest < 256 || rest >= 320)) {
      tile1x48(out + j, a, b + j, ldb, k, mode);
      j += 192;
    } else if (rest >= 128) {
      tile1x32(out + j, a, b + j, ldb, k, mode);
      j += 128;
    } else if (rest >= STRIP16) {
      tile1x16(out + j, a, b + j, ldb, k, mode);
      j += STRIP16;
    } else {
      tile1x4(out + j, a, b + j, ldb, k, mode);
      j += 16;
    }
  }
}

/** out = A · B */
export function productStore(
  out: usize,
  a: usize,
  b: usize,
  rows: usize,
  columns: usize,
  k: usize,
  ldo: usize,
  lda: usize,
  ldb: usize,
): void {
  product(out, a, b, rows, columns, k, ldo, lda, ldb, STORE);
}

/** out += A · B */
export function productAdd(
  out: usize,
  a: usize,
  b: usize,
  rows: usize,
  columns: usize,
  k: usize,
  ldo: usize,
  lda: usize,
  ldb: usize,
): void {
  product(out, a, b, rows, columns, k, ldo, lda, ldb, ADD);
}
