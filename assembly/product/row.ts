import { fma } from '../simd/fma';
import { start } from './tile';

/*
 * Tiles of one row of C (+)= A · B, for an odd row and for attention of one query to one head. A
 * vector FMA takes 4 cycles and two start in each: 8 accumulators or more keep both units busy,
 * and 12 with a splat and a vector of B fit the 15 registers. Strides in bytes, any alignment;
 * `mode` is STORE or ADD.
 */

/** 1 row × 48 columns: a panel of weights, or the keys of a tile. */
@inline
export function tile1x48(out: usize, a: usize, b: usize, ldb: usize, k: usize, mode: i32): void {
  let c0 = start(out, mode),
    c1 = start(out + 16, mode),
    c2 = start(out + 32, mode);
  let c3 = start(out + 48, mode),
    c4 = start(out + 64, mode),
    c5 = start(out + 80, mode);
  let c6 = start(out + 96, mode),
    c7 = start(out + 112, mode),
    c8 = start(out + 128, mode);
  let c9 = start(out + 144, mode),
    c10 = start(out + 160, mode),
    c11 = start(out + 176, mode);
  for (const end = a + (k << 2); a < end; a += 4) {
    const s = v128.load32_splat(a);
    c0 = fma(s, v128.load(b), c0);
    c1 = fma(s, v128.load(b, 16), c1);
    c2 = fma(s, v128.load(b, 32), c2);
    c3 = fma(s, v128.load(b, 48), c3);
    c4 = fma(s, v128.load(b, 64), c4);
    c5 = fma(s, v128.load(b, 80), c5);
    c6 = fma(s, v128.load(b, 96), c6);
    c7 = fma(s, v128.load(b, 112), c7);
    c8 = fma(s, v128.load(b, 128), c8);
    c9 = fma(s, v128.load(b, 144), c9);
    c10 = fma(s, v128.load(b, 160), c10);
    c11 = fma(s, v128.load(b, 176), c11);
    b += ldb;
  }
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
  v128.store(out, c3, 48);
  v128.store(out, c4, 64);
  v128.store(out, c5, 80);
  v128.store(out, c6, 96);
  v128.store(out, c7, 112);
  v128.store(out, c8, 128);
  v128.store(out, c9, 144);
  v128.store(out, c10, 160);
  v128.store(out, c11, 176);
}

/** 1 row × 32 columns. */
@inline
export function tile1x32(out: usize, a: usize, b: usize, ldb: usize, k: usize, mode: i32): void {
  let c0 = start(out, mode),
    c1 = start(out + 16, mode),
    c2 = start(out + 32, mode),
    c3 = start(out + 48, mode);
  let c4 = start(out + 64, mode),
    c5 = start(out + 80, mode),
    c6 = start(out + 96, mode),
    c7 = start(out + 112, mode);
  for (const end = a + (k << 2); a < end; a += 4) {
    const s = v128.load32_splat(a);
    c0 = fma(s, v128.load(b), c0);
    c1 = fma(s, v128.load(b, 16), c1);
    c2 = fma(s, v128.load(b, 32), c2);
    c3 = fma(s, v128.load(b, 48), c3);
    c4 = fma(s, v128.load(b, 64), c4);
    c5 = fma(s, v128.load(b, 80), c5);
    c6 = fma(s, v128.load(b, 96), c6);
    c7 = fma(s, v128.load(b, 112), c7);
    b += ldb;
  }
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
  v128.store(out, c3, 48);
  v128.store(out, c4, 64);
  v128.store(out, c5, 80);
  v128.store(out, c6, 96);
  v128.store(out, c7, 112);
}

/** 1 row × 16 columns. */
@inline
export function tile1x16(out: usize, a: usize, b: usize, ldb: usize, k: usize, mode: i32): void {
  let c0 = start(out, mode),
    c1 = start(out + 16, mode),
    c2 = start(out + 32, mode),
    c3 = start(out + 48, mode);
  for (const end = a + (k << 2); a < end; a += 4) {
    const s = v128.load32_splat(a);
    c0 = fma(s, v128.load(b), c0);
    c1 = fma(s, v128.load(b, 16), c1);
    c2 = fma(s, v128.load(b, 32), c2);
    c3 = fma(s, v128.load(b, 48), c3);
    b += ldb;
  }
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
  v128.store(out, c3, 48);
}

/** 1 row × 4 columns, for the columns that are left. */
@inline
export function tile1x4(out: usize, a: usize, b: usize, ldb: usize, k: usize, mode: i32): void {
  let c = start(out, mode);
  for (const end = a + (k << 2); a < end; a += 4) {
    c = fma(v128.load32_splat(a), v128.load(b), c);
    b += ldb;
  }
  v128.store(out, c);
}
