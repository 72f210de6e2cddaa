import { ADD, STORE, tile2x16 } from '../simd/tile';
import { matvec } from './matvec';
import { PANEL } from './pack';

/** Steps of k at a time: a panel's piece is 16 KB, half of a 32 KB first-level cache. */
const DEPTH: usize = 256;
/** Rows at a time: their piece of x is 64 KB and stays in the second level for all panels. */
const ROWS: usize = 64;

/**
 * out (+)= x Wᵀ for many rows, the projection of a prefilled block.
 *
 * @param out (rows, columns rounded up to 16) with row stride ldo
 * @param x (rows, k) with row stride ldx
 * @param w packed (columns, k)
 * No overlap; any alignment. Each element is summed in the order of k, as in matvec.
 */
export function matmul(
  out: usize,
  x: usize,
  w: usize,
  rows: usize,
  k: usize,
  columns: usize,
  ldo: usize,
  ldx: usize,
  isAdded: bool,
): void {
  const pairs = rows & ~1;
  for (let i: usize = 0; i < pairs; i += ROWS) {
    const count = min<usize>(ROWS, pairs - i);
    for (let d: usize = 0; d < k; d += DEPTH) {
      const depth = min<usize>(DEPTH, k - d);
      const from = x + (i * ldx + d) * 4,
        to = out + i * (ldo << 2);
      if (d || isAdded) panels(to, from, w + d * (PANEL << 2), count, depth, columns, ldo << 2, ldx << 2, k, ADD);
      else panels(to, from, w, count, depth, columns, ldo << 2, ldx << 2, k, STORE);
    }
  }
  if (pairs < rows) matvec(out + pairs * (ldo << 2), x + pairs * (ldx << 2), w, k, columns, isAdded);
}

/** A block of rows times a slice of every panel; strides in bytes. */
// @ts-ignore: decorator
@inline
function panels(
  out: usize,
  x: usize,
  w: usize,
  rows: usize,
  depth: usize,
  columns: usize,
  ldo: usize,
  ldx: usize,
  k: usize,
  mode: i32,
): void {
  for (let j: usize = 0; j < columns; j += PANEL) {
    for (let i: usize = 0; i < rows; i += 2) {
      tile2x16(out + i * ldo, ldo, x + i * ldx, ldx, w, PANEL << 2, depth, mode, 0, 0);
    }
    out += PANEL << 2;
    w += k * (PANEL << 2);
  }
}
