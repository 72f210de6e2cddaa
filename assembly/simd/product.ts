import { ADD, SCALE, SCALE_ADD, STORE, tile1x32, tile1x4, tile2x16 } from './tile';

/**
 * out (rows, columns) (+)= A (rows, k) · B (k, columns), each element optionally times scale.
 * Columns come in fours; strides are in bytes, any alignment; out must not overlap A or B.
 */
// @ts-ignore: decorator
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
  scale: usize,
  lds: usize,
): void {
  const width = columns << 2;
  const wide = width & ~63;
  const pairs = rows & ~1;
  for (let j: usize = 0; j < wide; j += 64) {
    for (let i: usize = 0; i < pairs; i += 2) {
      tile2x16(out + i * ldo + j, ldo, a + i * lda, lda, b + j, ldb, k, mode, scale + i * lds + j, lds);
    }
  }
  for (let i: usize = width == wide ? pairs : 0; i < rows; i++) {
    const o = out + i * ldo,
      s = scale + i * lds,
      row = a + i * lda;
    let j = wide;
    if (i == pairs) {
      for (j = 0; j + 128 <= width; j += 128) tile1x32(o + j, row, b + j, ldb, k, mode, s + j);
    }
    for (; j < width; j += 16) tile1x4(o + j, row, b + j, ldb, k, mode, s + j);
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
  product(out, a, b, rows, columns, k, ldo, lda, ldb, STORE, 0, 0);
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
  product(out, a, b, rows, columns, k, ldo, lda, ldb, ADD, 0, 0);
}

/** out = scale * (A · B), scale (rows, columns) with row stride lds */
export function productScale(
  out: usize,
  a: usize,
  b: usize,
  rows: usize,
  columns: usize,
  k: usize,
  ldo: usize,
  lda: usize,
  ldb: usize,
  scale: usize,
  lds: usize,
): void {
  product(out, a, b, rows, columns, k, ldo, lda, ldb, SCALE, scale, lds);
}

/** out += scale * (A · B), scale (rows, columns) with row stride lds */
export function productScaleAdd(
  out: usize,
  a: usize,
  b: usize,
  rows: usize,
  columns: usize,
  k: usize,
  ldo: usize,
  lda: usize,
  ldb: usize,
  scale: usize,
  lds: usize,
): void {
  product(out, a, b, rows, columns, k, ldo, lda, ldb, SCALE_ADD, scale, lds);
}
