import { tile1x48 } from '../product/row';
import { ADD, STORE } from '../product/tile';
import { PANEL } from '../layout/panels';

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
  const row = PANEL << 2;
  for (let j: usize = 0; j < columns; j += PANEL) {
    tile1x48(out, x, w, row, k, isAdded ? ADD : STORE);
    out += row;
    w += k * row;
  }
}
