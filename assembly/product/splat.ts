import { stripProduct } from './strips';
import { SCALE, SCALE_ADD, STORE } from './tile';

/*
 * Products whose left operand is used many times: it is splatted once, rows padded to pairs,
 * and multiplied with tiles of 48 columns.
 */

const COLUMNS: usize = 192; // bytes of a row of 48 columns

/** `n` rounded up to whole pairs of rows. */
@inline
export function even(n: usize): usize {
  return (n + 1) & ~1;
}

/** Bytes of `rows` × `k` numbers splatted. */
@inline
export function splatBytes(rows: usize, k: usize): usize {
  return even(rows) * (k << 4);
}

/**
 * out (pairs of rows, k, 2, 4 lanes): writes factor * x (rows, k) as rows first … first + rows. An
 * odd last row shares its pair with whatever was there; nothing reads what that yields.
 */
export function splatRows(out: usize, x: usize, rows: usize, k: usize, factor: f32, first: usize): void {
  for (let i = first; i < first + rows; i++) {
    const row = out + (i >> 1) * (k << 5) + ((i & 1) << 4);
    for (let to = row, end = row + (k << 5); to < end; to += 32) {
      v128.store(to, f32x4.splat(load<f32>(x) * factor));
      x += 4;
    }
  }
}

/**
 * out = A · B for 48 columns; writes whole pairs of rows.
 * Row stride of out in bytes; B (k, 48); A from {@link splatRows}. No overlap.
 */
export function splatStore(out: usize, a: usize, b: usize, rows: usize, k: usize, ldo: usize): void {
  stripProduct(out, a, b, even(rows), COLUMNS, k, ldo, 0, COLUMNS, STORE, 0, true);
}

/** out = scale * (A · B), scale (rows, 48), read up to the next pair. */
export function splatScale(out: usize, a: usize, b: usize, rows: usize, k: usize, ldo: usize, scale: usize): void {
  stripProduct(out, a, b, even(rows), COLUMNS, k, ldo, 0, COLUMNS, SCALE, scale, true);
}

/** out += scale * (A · B) */
export function splatScaleAdd(out: usize, a: usize, b: usize, rows: usize, k: usize, ldo: usize, scale: usize): void {
  stripProduct(out, a, b, even(rows), COLUMNS, k, ldo, 0, COLUMNS, SCALE_ADD, scale, true);
}
