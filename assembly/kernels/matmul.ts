import { tile1x48 } from '../product/row';
import { productAdd, productStore } from '../product/strips';
import { ADD, STORE } from '../product/tile';
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
    const some = min<usize>(ROWS, pairs - i);
    for (let d: usize = 0; d < k; d += DEPTH) {
      const depth = min<usize>(DEPTH, k - d),
        from = x + i * ldx + (d << 2);
      let to = out + i * ldo,
        piece = w + d * STEP;
      for (let j: usize = 0; j < panels; j++) {
        if (d || isAdded) productAdd(to, from, piece, some, PANEL, depth, ldo, ldx, STEP);
        else productStore(to, from, piece, some, PANEL, depth, ldo, ldx, STEP);
        to += STEP;
        piece += k * STEP;
      }
    }
  }
  if (pairs < rows) oneRow(out + pairs * ldo, x + pairs * ldx, w, k, panels, isAdded);
}

/**
 * One row, a panel at a time: 12 accumulators on one stream of weights. Through productAdd the projection of
 * a decoded token took 2 % longer.
 */
function oneRow(out: usize, x: usize, w: usize, k: usize, panels: usize, isAdded: bool): void {
  for (let j: usize = 0; j < panels; j++) {
    tile1x48(out, x, w, STEP, k, isAdded ? ADD : STORE);
    out += STEP;
    w += k * STEP;
  }
}
