import { wideStrips } from '../product/strips';
import { ADD, STORE, tile2x16, tile2x24 } from '../product/tile';
import { matvec } from './matvec';
import { PANEL } from '../layout/panels';

/** Steps of k at a time: a panel's piece is 24 KB and stays in a 32 KB first-level cache. */
const DEPTH: usize = 128;
/** Rows at a time: their piece of x is 32 KB and stays in the second level for all panels. */
const ROWS: usize = 64;
/** Bytes of one step of k in a panel. */
const STEP: usize = PANEL << 2;

/**
 * out (+)= x Wᵀ for many rows, the projection of a prefilled block.
 *
 * @param out (rows, columns rounded up to 48) with row stride ldo
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
  assert(k && ldx >= k && ldo >= columns, 'matmul: rows of x or out overlap');
  const pairs = rows & ~1;
  for (let i: usize = 0; i < pairs; i += ROWS) {
    const count = min<usize>(ROWS, pairs - i);
    for (let d: usize = 0; d < k; d += DEPTH) {
      const depth = min<usize>(DEPTH, k - d);
      const from = x + (i * ldx + d) * 4,
        to = out + i * (ldo << 2);
      if (d || isAdded) panels(to, from, w + d * STEP, count, depth, columns, ldo << 2, ldx << 2, k, ADD);
      else panels(to, from, w, count, depth, columns, ldo << 2, ldx << 2, k, STORE);
    }
  }
  if (pairs < rows) matvec(out + pairs * (ldo << 2), x + pairs * (ldx << 2), w, k, columns, isAdded);
}

/** A block of pairs of rows times a slice of every panel; strides in bytes. */
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
  const wide = wideStrips(STEP);
  for (let j: usize = 0; j < columns; j += PANEL) {
    for (let i: usize = 0; i < rows; i += 2) {
      const to = out + i * ldo,
        from = x + i * ldx;
      for (let s: usize = 0; s < wide; s += 96) tile2x24(to + s, ldo, from, ldx, w + s, STEP, depth, mode, 0, 0, false);
      for (let s = wide; s < STEP; s += 64) tile2x16(to + s, ldo, from, ldx, w + s, STEP, depth, mode, 0, 0, false);
    }
    out += STEP;
    w += k * STEP;
  }
}
