import { mask, raiseTo, rowMax, weigh } from './softmax';
import { vanishes } from './vanish';
import { avTileStride, valueRow, PAGE_ROW, TILE, TILE_ROW } from '../layout/pages';
import { CacheShape } from '../layout/records';

/**
 * Turns logits of head h into its weights, and raises its maximum and its sum.
 *
 * @param acc (heads, valueStride), followed by the sums (heads), the maxima and what was skipped
 * @returns whether the page matters to the head; if not, only what was skipped is changed
 */
@inline
export function weighHead(
  h: usize,
  w: usize,
  acc: usize,
  heads: usize,
  count: usize,
  columns: usize,
  av: usize,
  plane: usize,
  shape: CacheShape,
): bool {
  const row = valueRow(shape),
    logits = w + h * PAGE_ROW,
    sum = acc + heads * row + (h << 2),
    maximum = sum + (heads << 2);
  mask(logits, count, columns);
  const found = rowMax(logits, columns);
  if (vanishes(logits, columns, found, load<f32>(maximum), load<f32>(sum), maximum + (heads << 2))) return false;
  const max = raiseTo(found, maximum, sum, acc + h * row, row);
  store<f32>(sum, load<f32>(sum) + tileWeights(logits, columns, max, av + h * TILE_ROW, plane, shape));
  return true;
}

/** Turns a head's logits into weights p · av[u], one plane for each u; returns Σ p. */
@inline
function tileWeights(w: usize, columns: usize, max: f32, av: usize, plane: usize, shape: CacheShape): f32 {
  const rankV = <usize>shape.rankV,
    rankStride = <usize>shape.heads * TILE_ROW,
    tileStride = avTileStride(shape);
  if (rankV == 1) return weigh(w, columns, max, av, tileStride, 0, 0, 1);
  if (rankV == 2) return weigh(w, columns, max, av, tileStride, rankStride, plane, 2);
  const sum = weigh(w, columns, max, 0, 0, 0, 0, 0);
  for (let u = rankV; u-- > 0;) {
    for (let t: usize = 0; t < columns / TILE; t++) {
      const from = w + t * TILE_ROW,
        factor = av + u * rankStride + t * tileStride;
      for (let j: usize = 0; j < TILE_ROW; j += 16) {
        v128.store(from + u * plane + j, f32x4.mul(v128.load(from + j), v128.load(factor + j)));
      }
    }
  }
  return sum;
}
