import { productAdd, productStore } from '../product/strips';
import { queryOfHead } from '../cache/materialize';
import { queriesOfHead } from './queries';
import { TILE, TILE_ROW, valueRow } from '../layout/pages';
import { CacheShape, FactorRows, QueryRows } from '../layout/records';

/** Heads with a state of their own: those of K and V when A is none, else every query head. */
@inline
function stateHeads(shape: CacheShape): usize {
  return shape.headRows || shape.ak ? shape.heads : shape.rankK;
}

/** Bytes of the state (state heads, headDim, valueStride). */
export function linearStateBytes(shapeAt: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  return stateHeads(shape) * shape.headDim * valueRow(shape);
}

/** Bytes of scratch that {@link linearAttend} needs for any heads. */
export function linearScratch(shapeAt: usize, count: usize): usize {
  const shape = changetype<CacheShape>(shapeAt);
  const rows = (<usize>shape.heads / stateHeads(shape)) * count;
  const headDim = <usize>shape.headDim,
    row = valueRow(shape);
  return (rows + count) * (headDim << 2) + headDim * TILE_ROW + count * row + rows * (row + TILE_ROW);
}

/**
 * Linear attention of a block of queries and their own keys and values, without softmax:
 *
 *   y[t] = scale Σ_{m <= t} <q[t], k[m]> v[m] = scale q[t] (S + Σ_{m <= t} k[m] v[m]ᵀ)
 *
 * with the state S = Σ k vᵀ of all tokens before. The block is two products: masked scores times
 * V, and Q times S. A step that fails later leaves the old state.
 *
 * @param out (count, heads, valueDim)
 * @param queriesAt QueryRows, 1 … 48 queries
 * @param rowsAt FactorRows of the same tokens; K = Σ_s ak[s] ⊗ bk[s], V likewise. Of a cache
 *   without A, bk is (kvHeads, headDim), bv (kvHeads, valueDim), and ak and av are not read
 * @param state linearStateBytes, or 0 before the first token
 * @param nextState linearStateBytes; the state of heads that share one is written with the first
 *   of them
 * @param scratch linearScratch bytes; out, nextState and scratch overlap nothing
 * @param heads query heads from firstHead on; of out, only they are written
 * Any alignment. Max error: docs/numerics.md.
 */
export function linearAttend(
  out: usize,
  queriesAt: usize,
  rowsAt: usize,
  shapeAt: usize,
  state: usize,
  nextState: usize,
  scratch: usize,
  scale: f32,
  firstHead: usize,
  heads: usize,
): void {
  const shape = changetype<CacheShape>(shapeAt),
    queries = changetype<QueryRows>(queriesAt),
    from = changetype<FactorRows>(rowsAt);
  const allHeads = <usize>shape.heads,
    headDim = <usize>shape.headDim,
    count = <usize>queries.count,
    states = stateHeads(shape);
  assert(allHeads && headDim && shape.valueDim && states, 'linearAttend: an empty shape');
  assert(allHeads % states == 0 && count - 1 < TILE, 'linearAttend: heads that share no K/V head, or a block past 48');
  assert(state != nextState, 'linearAttend: the next state over the old one');
  const isFactored = states == allHeads && (shape.headRows || shape.ak);
  const rankK: usize = isFactored ? <usize>shape.rankK : 0,
    rankV: usize = isFactored ? <usize>shape.rankV : 0;
  const row = valueRow(shape),
    valueBytes = (<usize>shape.valueDim) << 2,
    headBytes = headDim << 2;
  const group = allHeads / states,
    stateBytes = headDim * row;
  assert(firstHead + heads <= allHeads, 'linearAttend: heads past the last');

  const groupRows = group * count;
  const q = scratch; // (rows, headDim): row h · count + t for the h-th head
  const k = q + groupRows * headBytes; // (count, headDim)
  const kt = k + count * headBytes; // (headDim, 48)
  const v = kt + headDim * TILE_ROW; // (count, valueStride)
  const y = v + count * row; // (rows, valueStride)
  const scores = y + groupRows * row; // (rows, 48)

  for (let first = firstHead, end = firstHead + heads; first < end;) {
    const g = first / group,
      some = min((g + 1) * group - first, end - first),
      rows = some * count;
    const old = state + g * stateBytes,
      next = nextState + g * stateBytes;
    for (let h: usize = 0; h < some; h++) {
      queriesOfHead(q + h * count * headBytes, queries, first + h, headDim, scale);
    }
    // the factors of K and V are laid out as a query's: rank 0 copies head g of a dense row
    const ak = isFactored ? from.ak : from.bk,
      av = isFactored ? from.av : from.bv;
    const akStride = isFactored ? from.akStride : from.bkStride,
      avStride = isFactored ? from.avStride : from.bvStride;
    memory.fill(v, 0, count * row);
    queryOfHead(k, headBytes, ak, akStride, from.bk, from.bkStride, rankK, g, count, headDim, 1);
    queryOfHead(v, row, av, avStride, from.bv, from.bvStride, rankV, g, count, shape.valueDim, 1);
    transpose(kt, k, count, headDim);

    productStore(scores, q, kt, rows, TILE, headDim, TILE_ROW, headBytes, TILE_ROW);
    for (let i: usize = 0; i < rows; i++) {
      for (let m = (i % count) + 1; m < count; m++) store<f32>(scores + i * TILE_ROW + (m << 2), 0);
    }
    if (state) productStore(y, q, old, rows, row >> 2, headDim, row, headBytes, row);
    else memory.fill(y, 0, rows * row);
    productAdd(y, scores, v, rows, row >> 2, count, row, TILE_ROW, row);
    for (let i: usize = 0; i < rows; i++) {
      const at = (i % count) * allHeads + first + i / count;
      memory.copy(out + at * valueBytes, y + i * row, valueBytes);
    }
    if (first == g * group) {
      if (state) memory.copy(next, old, stateBytes);
      else memory.fill(next, 0, stateBytes);
      productAdd(next, kt, v, headDim, row >> 2, count, row, TILE_ROW, row);
    }
    first += some;
  }
}

/** out (headDim, 48) from k (count, headDim); columns from count on stay as they are. */
function transpose(out: usize, k: usize, count: usize, headDim: usize): void {
  for (let m: usize = 0; m < count << 2; m += 4) {
    let to = out + m;
    for (const end = k + (headDim << 2); k < end; k += 4) {
      store<f32>(to, load<f32>(k));
      to += TILE_ROW;
    }
  }
}
