import { fma } from '../simd/fma';

/*
 * Register tiles of C (+)= A · B, the inner loops of every product in this module.
 * Strides are in bytes, any alignment. A is read by splats (row stride lda), B by rows of vectors
 * (row stride ldb). Every output is summed in the order of k, whatever the tile, so that the
 * result does not depend on how a shape is cut.
 *
 * x64 V8 has 15 vector registers to give. 2 × 24 with a fused multiply-add takes them all (12
 * accumulators, 2 splats, 1 vector of B) at 2.1 instructions a vector FMA, against 2.5 of 2 × 16;
 * without fusing, the product needs a register of its own, 2 × 24 spills, and 2 × 16 is faster by
 * 6 %. Loops stay rolled: V8 unrolls them itself (docs/adr/0004-register-tiles.md).
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
@inline
export function start(out: usize, mode: i32): v128 {
  return mode == ADD ? v128.load(out) : f32x4.splat(0);
}

/** Writes one vector of a finished tile; `mode` is a literal at every call and folds away. */
@inline
function emit(out: usize, acc: v128, mode: i32, scale: usize): void {
  if (mode == STORE || mode == ADD) v128.store(out, acc);
  else if (mode == SCALE) v128.store(out, f32x4.mul(acc, v128.load(scale)));
  else v128.store(out, fma(acc, v128.load(scale), v128.load(out)));
}

/**
 * 2 rows × 24 columns; `scale` has its own row stride lds. With `isSplatted` A is
 * (k, 2 rows, 4 lanes) and lda is unused: one pointer and literal offsets.
 */
@inline
export function tile2x24(
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
  isSplatted: bool,
): void {
  const next = out + ldo;
  let c00 = start(out, mode),
    c01 = start(out + 16, mode),
    c02 = start(out + 32, mode);
  let c03 = start(out + 48, mode),
    c04 = start(out + 64, mode),
    c05 = start(out + 80, mode);
  let c10 = start(next, mode),
    c11 = start(next + 16, mode),
    c12 = start(next + 32, mode);
  let c13 = start(next + 48, mode),
    c14 = start(next + 64, mode),
    c15 = start(next + 80, mode);
  let a1 = a + lda;
  const end = a + (isSplatted ? k << 5 : k << 2);
  while (a < end) {
    const s = isSplatted ? v128.load(a) : v128.load32_splat(a);
    const t = isSplatted ? v128.load(a, 16) : v128.load32_splat(a1);
    let v = v128.load(b);
    c00 = fma(s, v, c00);
    c10 = fma(t, v, c10);
    v = v128.load(b, 16);
    c01 = fma(s, v, c01);
    c11 = fma(t, v, c11);
    v = v128.load(b, 32);
    c02 = fma(s, v, c02);
    c12 = fma(t, v, c12);
    v = v128.load(b, 48);
    c03 = fma(s, v, c03);
    c13 = fma(t, v, c13);
    v = v128.load(b, 64);
    c04 = fma(s, v, c04);
    c14 = fma(t, v, c14);
    v = v128.load(b, 80);
    c05 = fma(s, v, c05);
    c15 = fma(t, v, c15);
    a += isSplatted ? 32 : 4;
    if (!isSplatted) a1 += 4;
    b += ldb;
  }
  emit(out, c00, mode, scale);
  emit(out + 16, c01, mode, scale + 16);
  emit(out + 32, c02, mode, scale + 32);
  emit(out + 48, c03, mode, scale + 48);
  emit(out + 64, c04, mode, scale + 64);
  emit(out + 80, c05, mode, scale + 80);
  scale += lds;
  emit(next, c10, mode, scale);
  emit(next + 16, c11, mode, scale + 16);
  emit(next + 32, c12, mode, scale + 32);
  emit(next + 48, c13, mode, scale + 48);
  emit(next + 64, c14, mode, scale + 64);
  emit(next + 80, c15, mode, scale + 80);
}

/** 2 rows × 16 columns, otherwise as {@link tile2x24}. */
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
  isSplatted: bool,
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
  const end = a + (isSplatted ? k << 5 : k << 2);
  while (a < end) {
    const b0 = v128.load(b),
      b1 = v128.load(b, 16),
      b2 = v128.load(b, 32),
      b3 = v128.load(b, 48);
    let s = isSplatted ? v128.load(a) : v128.load32_splat(a);
    c00 = fma(s, b0, c00);
    c01 = fma(s, b1, c01);
    c02 = fma(s, b2, c02);
    c03 = fma(s, b3, c03);
    s = isSplatted ? v128.load(a, 16) : v128.load32_splat(a1);
    c10 = fma(s, b0, c10);
    c11 = fma(s, b1, c11);
    c12 = fma(s, b2, c12);
    c13 = fma(s, b3, c13);
    a += isSplatted ? 32 : 4;
    if (!isSplatted) a1 += 4;
    b += ldb;
  }
  emit(out, c00, mode, scale);
  emit(out + 16, c01, mode, scale + 16);
  emit(out + 32, c02, mode, scale + 32);
  emit(out + 48, c03, mode, scale + 48);
  scale += lds;
  emit(next, c10, mode, scale);
  emit(next + 16, c11, mode, scale + 16);
  emit(next + 32, c12, mode, scale + 32);
  emit(next + 48, c13, mode, scale + 48);
}
