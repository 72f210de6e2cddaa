import { tile1x48 } from '../product/row';
import { wideStrips } from '../product/strips';
import { ADD, STORE, tile2x16, tile2x24 } from '../product/tile';
import { PANEL } from '../layout/panels';

/** Steps of k at a time: a panel's piece is 24 KB and stays in a 32 KB first-level cache. */
const DEPTH: usize = 128;
/** Rows at a time: their piece of x is 32 KB and stays in the second level for all panels. */
const ROWS: usize = 64;
/** Bytes of one step of k in a panel. */
const STEP: usize = PANEL << 2;

/**
 * out (+)= x Wᵀ, some panels of it: the projection of a prefilled block, or of one decoded token.
 * Each element is summed in the order of k, so that a projection has the same bits in decode and
 * prefill, and in whatever ranges of panels it is computed.
 *
 * @param out (rows, columns rounded up to 48) with row stride ldo
 * @param x (rows, k) with row stride ldx
 * @param w packed (columns, k)
 * @param panels of 48 columns from firstPanel on; of out, only their columns are written
 * No overlap; any alignment.
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
  firstPanel: usize,
  panels: usize,
): void {
  assert(k && ldx >= k && ldo >= columns, 'matmul: rows of x or out overlap');
  assert(firstPanel + panels <= (columns + PANEL - 1) / PANEL, 'matmul: panels past the last');
  out += firstPanel * STEP;
  w += firstPanel * k * STEP;
  ldo <<= 2;
  ldx <<= 2;
  const pairs = rows & ~1;
  for (let i: usize = 0; i < pairs; i += ROWS) {
    const count = min<usize>(ROWS, pairs - i);
    for (let d: usize = 0; d < k; d += DEPTH) {
      const depth = min<usize>(DEPTH, k - d);
      const from = x + i * ldx + (d << 2),
        to = out + i * ldo;
      if (d || isAdded) pairsOfRows(to, from, w + d * STEP, count, depth, panels, ldo, ldx, k, ADD);
      else pairsOfRows(to, from, w, count, depth, panels, ldo, ldx, k, STORE);
    }
  }
  if (pairs < rows) oneRow(out + pairs * ldo, x + pairs * ldx, w, k, panels, isAdded);
}

/** A block of pairs of rows times a slice of every panel; strides in bytes. */
// @ts-ignore: decorator
@inline
function pairsOfRows(
  out: usize,
  x: usize,
  w: usize,
  rows: usize,
  depth: usize,
  panels: usize,
  ldo: usize,
  ldx: usize,
  k: usize,
  mode: i32,
): void {
  const wide = wideStrips(STEP);
  for (let j: usize = 0; j < panels; j++) {
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

/** One row, a panel at a time: 12 accumulators on one stream of weights. */
function oneRow(out: usize, x: usize, w: usize, k: usize, panels: usize, isAdded: bool): void {
  for (let j: usize = 0; j < panels; j++) {
    tile1x48(out, x, w, STEP, k, isAdded ? ADD : STORE);
    out += STEP;
    w += k * STEP;
  }
}
