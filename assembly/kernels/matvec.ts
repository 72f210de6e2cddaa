import { fma } from '../simd/fma';
import { PANEL } from './pack';

/**
 * out (+)= W x for one row x, the projection of a decoded token: a panel at a time, 12 accumulators
 * on one stream of weights. Sums in the order of k, as matmul does: a projection has the same bits in decode
 * and prefill.
 *
 * @param out (columns rounded up to 48)
 * @param x (k)
 * @param w packed (columns, k)
 * No overlap; any alignment.
 */
export function matvec(out: usize, x: usize, w: usize, k: usize, columns: usize, isAdded: bool): void {
  for (let j: usize = 0; j < columns; j += PANEL) {
    panel(out, x, w, k, isAdded);
    out += PANEL << 2;
    w += k * (PANEL << 2);
  }
}

// @ts-ignore: decorator
@inline
function start(out: usize, isAdded: bool): v128 {
  return isAdded ? v128.load(out) : f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
function panel(out: usize, x: usize, w: usize, k: usize, isAdded: bool): void {
  let c0 = start(out, isAdded),
    c1 = start(out + 16, isAdded),
    c2 = start(out + 32, isAdded);
  let c3 = start(out + 48, isAdded),
    c4 = start(out + 64, isAdded),
    c5 = start(out + 80, isAdded);
  let c6 = start(out + 96, isAdded),
    c7 = start(out + 112, isAdded),
    c8 = start(out + 128, isAdded);
  let c9 = start(out + 144, isAdded),
    c10 = start(out + 160, isAdded),
    c11 = start(out + 176, isAdded);
  for (const end = x + (k << 2); x < end; x += 4) {
    const s = v128.load32_splat(x);
    c0 = fma(s, v128.load(w), c0);
    c1 = fma(s, v128.load(w, 16), c1);
    c2 = fma(s, v128.load(w, 32), c2);
    c3 = fma(s, v128.load(w, 48), c3);
    c4 = fma(s, v128.load(w, 64), c4);
    c5 = fma(s, v128.load(w, 80), c5);
    c6 = fma(s, v128.load(w, 96), c6);
    c7 = fma(s, v128.load(w, 112), c7);
    c8 = fma(s, v128.load(w, 128), c8);
    c9 = fma(s, v128.load(w, 144), c9);
    c10 = fma(s, v128.load(w, 160), c10);
    c11 = fma(s, v128.load(w, 176), c11);
    w += 192;
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
