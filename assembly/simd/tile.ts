import { fma } from './fma';

/*
 * Register tiles of C (+)= A · B, the inner loops of every product in this module.
 * Strides are in bytes, any alignment. A is read by splats (row stride lda), B by rows of vectors
 * (row stride ldb). Every output is summed in the order of k, whatever the tile, so that the
 * result does not depend on how a shape is cut.
 *
 * 2 × 16 keeps 8 accumulators, enough to hide the latency of an FMA, at 21 instructions a step;
 * 4 × 8 takes 23 and 1 × 32 23, because V8 adds to each row pointer of A separately. Loops stay
 * rolled: V8 unrolls them itself, and unrolled by hand (2 or 4 steps) it groups each accumulator's
 * chain, hoists the loads and spills: 0.56 and 0.46 of the peak instead of 0.60 in tpaDecode.
 */

/** out = acc */
export const STORE = 0;
/** out += acc; the sum starts from out, so that a long k may be cut anywhere */
export const ADD = 1;
/** out = scale * acc */
export const SCALE = 2;
/** out += scale * acc */
export const SCALE_ADD = 3;

/** First value of an accumulator. */
// @ts-ignore: decorator
@inline
function start(out: usize, mode: i32): v128 {
  return mode == ADD ? v128.load(out) : f32x4.splat(0);
}

/** Writes one vector of a finished tile; `mode` is a literal at every call and folds away. */
// @ts-ignore: decorator
@inline
function emit(out: usize, acc: v128, mode: i32, scale: usize): void {
  if (mode == STORE || mode == ADD) v128.store(out, acc);
  else if (mode == SCALE) v128.store(out, f32x4.mul(acc, v128.load(scale)));
  else v128.store(out, fma(acc, v128.load(scale), v128.load(out)));
}

/** Writes four vectors side by side. */
// @ts-ignore: decorator
@inline
function emit16(out: usize, c0: v128, c1: v128, c2: v128, c3: v128, mode: i32, scale: usize): void {
  emit(out, c0, mode, scale);
  emit(out + 16, c1, mode, scale + 16);
  emit(out + 32, c2, mode, scale + 32);
  emit(out + 48, c3, mode, scale + 48);
}

/** 2 rows × 16 columns; `scale` has its own row stride lds. */
// @ts-ignore: decorator
@inline
export function tile2x16(
  out: usize,
  ldo: usize,
  a: usize,
  lda: usize,
  b: usize,
  ldb: usize,
  k: usize,
  mode: i32,
  scale: usize,
  lds: usize,
): void {
  const next = out + ldo;
  let c00 = start(out, mode),
    c01 = start(out + 16, mode);
  let c02 = start(out + 32, mode),
    c03 = start(out + 48, mode);
  let c10 = start(next, mode),
    c11 = start(next + 16, mode);
  let c12 = start(next + 32, mode),
    c13 = start(next + 48, mode);
  let a1 = a + lda;
  const end = a + (k << 2);
  while (a < end) {
    const b0 = v128.load(b),
      b1 = v128.load(b, 16),
      b2 = v128.load(b, 32),
      b3 = v128.load(b, 48);
    let s = v128.load32_splat(a);
    c00 = fma(s, b0, c00);
    c01 = fma(s, b1, c01);
    c02 = fma(s, b2, c02);
    c03 = fma(s, b3, c03);
    s = v128.load32_splat(a1);
    c10 = fma(s, b0, c10);
    c11 = fma(s, b1, c11);
    c12 = fma(s, b2, c12);
    c13 = fma(s, b3, c13);
    a += 4;
    a1 += 4;
    b += ldb;
  }
  emit16(out, c00, c01, c02, c03, mode, scale);
  emit16(next, c10, c11, c12, c13, mode, scale + lds);
}

/**
 * 2 rows × 16 columns with A splatted in advance, (k, 2 rows, 4 lanes), and B in rows of 32
 * columns: one pointer each, literal offsets, 20 instructions a step.
 */
// @ts-ignore: decorator
@inline
export function tile2x16Splat(
  out: usize,
  ldo: usize,
  a: usize,
  b: usize,
  k: usize,
  mode: i32,
  scale: usize,
  lds: usize,
): void {
  const next = out + ldo;
  let c00 = start(out, mode),
    c01 = start(out + 16, mode);
  let c02 = start(out + 32, mode),
    c03 = start(out + 48, mode);
  let c10 = start(next, mode),
    c11 = start(next + 16, mode);
  let c12 = start(next + 32, mode),
    c13 = start(next + 48, mode);
  const end = a + (k << 5);
  while (a < end) {
    const b0 = v128.load(b),
      b1 = v128.load(b, 16),
      b2 = v128.load(b, 32),
      b3 = v128.load(b, 48);
    let s = v128.load(a);
    c00 = fma(s, b0, c00);
    c01 = fma(s, b1, c01);
    c02 = fma(s, b2, c02);
    c03 = fma(s, b3, c03);
    s = v128.load(a, 16);
    c10 = fma(s, b0, c10);
    c11 = fma(s, b1, c11);
    c12 = fma(s, b2, c12);
    c13 = fma(s, b3, c13);
    a += 32;
    b += 128;
  }
  emit16(out, c00, c01, c02, c03, mode, scale);
  emit16(next, c10, c11, c12, c13, mode, scale + lds);
}

/** 1 row × 32 columns, for an odd row. */
// @ts-ignore: decorator
@inline
export function tile1x32(out: usize, a: usize, b: usize, ldb: usize, k: usize, mode: i32, scale: usize): void {
  let c0 = start(out, mode),
    c1 = start(out + 16, mode);
  let c2 = start(out + 32, mode),
    c3 = start(out + 48, mode);
  let c4 = start(out + 64, mode),
    c5 = start(out + 80, mode);
  let c6 = start(out + 96, mode),
    c7 = start(out + 112, mode);
  const end = a + (k << 2);
  while (a < end) {
    const s = v128.load32_splat(a);
    c0 = fma(s, v128.load(b), c0);
    c1 = fma(s, v128.load(b, 16), c1);
    c2 = fma(s, v128.load(b, 32), c2);
    c3 = fma(s, v128.load(b, 48), c3);
    c4 = fma(s, v128.load(b, 64), c4);
    c5 = fma(s, v128.load(b, 80), c5);
    c6 = fma(s, v128.load(b, 96), c6);
    c7 = fma(s, v128.load(b, 112), c7);
    a += 4;
    b += ldb;
  }
  emit16(out, c0, c1, c2, c3, mode, scale);
  emit16(out + 64, c4, c5, c6, c7, mode, scale + 64);
}

/** 1 row × 4 columns, for the columns that are left. */
// @ts-ignore: decorator
@inline
export function tile1x4(out: usize, a: usize, b: usize, ldb: usize, k: usize, mode: i32, scale: usize): void {
  let c = start(out, mode);
  const end = a + (k << 2);
  while (a < end) {
    c = fma(v128.load32_splat(a), v128.load(b), c);
    a += 4;
    b += ldb;
  }
  emit(out, c, mode, scale);
}
