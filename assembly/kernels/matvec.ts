import { fma } from '../simd/fma';
import { PANEL } from './pack';

/**
 * out (+)= W x for one row x, the projection of a decoded token. Two panels at a time: eight
 * accumulators hide the latency of an FMA, two streams keep more cache lines in flight.
 * Sums in the order of k, as matmul does, so that decode and prefill agree bit for bit.
 *
 * @param out (columns rounded up to 16)
 * @param x (k)
 * @param w packed (columns, k)
 * No overlap; any alignment.
 */
export function matvec(out: usize, x: usize, w: usize, k: usize, columns: usize, isAdded: bool): void {
  const panelBytes = k * (PANEL << 2);
  let left = (columns + PANEL - 1) & ~(PANEL - 1);
  for (; left >= 2 * PANEL; left -= 2 * PANEL) {
    panels2(out, x, w, w + panelBytes, k, isAdded);
    out += PANEL << 3;
    w += panelBytes << 1;
  }
  if (left) panel1(out, x, w, k, isAdded);
}

// @ts-ignore: decorator
@inline
function start(out: usize, isAdded: bool): v128 {
  return isAdded ? v128.load(out) : f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
function panels2(out: usize, x: usize, w: usize, w2: usize, k: usize, isAdded: bool): void {
  let c0 = start(out, isAdded),
    c1 = start(out + 16, isAdded);
  let c2 = start(out + 32, isAdded),
    c3 = start(out + 48, isAdded);
  let c4 = start(out + 64, isAdded),
    c5 = start(out + 80, isAdded);
  let c6 = start(out + 96, isAdded),
    c7 = start(out + 112, isAdded);
  for (const end = x + (k << 2); x < end; x += 4) {
    const s = v128.load32_splat(x);
    c0 = fma(s, v128.load(w), c0);
    c1 = fma(s, v128.load(w, 16), c1);
    c2 = fma(s, v128.load(w, 32), c2);
    c3 = fma(s, v128.load(w, 48), c3);
    c4 = fma(s, v128.load(w2), c4);
    c5 = fma(s, v128.load(w2, 16), c5);
    c6 = fma(s, v128.load(w2, 32), c6);
    c7 = fma(s, v128.load(w2, 48), c7);
    w += 64;
    w2 += 64;
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

// @ts-ignore: decorator
@inline
function panel1(out: usize, x: usize, w: usize, k: usize, isAdded: bool): void {
  let c0 = start(out, isAdded),
    c1 = start(out + 16, isAdded);
  let c2 = start(out + 32, isAdded),
    c3 = start(out + 48, isAdded);
  for (const end = x + (k << 2); x < end; x += 4) {
    const s = v128.load32_splat(x);
    c0 = fma(s, v128.load(w), c0);
    c1 = fma(s, v128.load(w, 16), c1);
    c2 = fma(s, v128.load(w, 32), c2);
    c3 = fma(s, v128.load(w, 48), c3);
    w += 64;
  }
  v128.store(out, c0);
  v128.store(out, c1, 16);
  v128.store(out, c2, 32);
  v128.store(out, c3, 48);
}
