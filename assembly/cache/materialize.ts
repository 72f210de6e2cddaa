import { fma } from '../simd/fma';
import { addScaledRow, scaleRow } from '../simd/scale';
import { avTileStride, PAGE_TOKENS, TILE_ROW, valueRow } from '../layout/pages';
import { CacheShape } from '../layout/records';

/*
 * One head's dense Q, K or V, formed from factors in scratch and used for a whole block of
 * queries: the orders of contraction that pay when many queries share a key.
 */

/**
 * q (count, headDim) of head h, ldq bytes apart, times scale: Σ_r aq[t,h,r] bq[t,r], or with
 * rankQ = 0 a copy. Strides in numbers between tokens.
 */
export function queryOfHead(
  q: usize,
  ldq: usize,
  aq: usize,
  aqStride: usize,
  bq: usize,
  bqStride: usize,
  rankQ: usize,
  h: usize,
  count: usize,
  headDim: usize,
  scale: f32,
): void {
  for (let t: usize = 0; t < count; t++) {
    if (rankQ) {
      memory.fill(q, 0, headDim << 2);
      for (let r: usize = 0; r < rankQ; r++) {
        const a = load<f32>(aq + ((h * rankQ + r) << 2)) * scale;
        addScaledRow(q, bq + r * (headDim << 2), headDim, a);
      }
    } else {
      scaleRow(q, aq + h * (headDim << 2), headDim, scale);
    }
    q += ldq;
    aq += aqStride << 2;
    bq += bqStride << 2;
  }
}

/** k (headDim, 48) of head h: Σ_s ak[s,h] bk[s,d], for the 48 tokens of a tile. */
export function keysOfHead(k: usize, bk: usize, ak: usize, h: usize, shape: CacheShape): void {
  const headDim = <usize>shape.headDim,
    heads = <usize>shape.heads;
  for (let s: usize = 0; s < shape.rankK; s++) {
    const a = ak + (s * heads + h) * TILE_ROW;
    for (let j: usize = 0; j < TILE_ROW; j += 16) {
      const factor = v128.load(a + j);
      let from = bk + s * headDim * TILE_ROW + j;
      let to = k + j;
      for (const end = to + headDim * TILE_ROW; to < end; to += TILE_ROW) {
        const product = f32x4.mul(factor, v128.load(from));
        v128.store(to, s == 0 ? product : f32x4.add(v128.load(to), product));
        from += TILE_ROW;
      }
    }
  }
}

/** v (count, valueStride) of head h: Σ_u av[u,h] bv[u], for the first `count` tokens of a page. */
export function valuesOfHead(v: usize, bv: usize, av: usize, h: usize, count: usize, shape: CacheShape): void {
  const heads = <usize>shape.heads,
    rankV = <usize>shape.rankV,
    row = valueRow(shape);
  for (let m: usize = 0; m < count; m++) {
    const tile = (m << 2) / TILE_ROW,
      lane = (m << 2) % TILE_ROW;
    const a = av + tile * avTileStride(shape) + h * TILE_ROW + lane;
    if (rankV == 1) {
      scaleRow(v, bv, row >> 2, load<f32>(a));
    } else {
      // two at a time: one pass over v where row by row it is written, read and written
      const first = v128.load32_splat(a),
        second = v128.load32_splat(a + heads * TILE_ROW);
      for (let j: usize = 0; j < row; j += 16) {
        const product = f32x4.mul(v128.load(bv + j), first);
        v128.store(v + j, fma(v128.load(bv + j + row * PAGE_TOKENS), second, product));
      }
    }
    for (let u: usize = 2; u < rankV; u++) {
      addScaledRow(v, bv + u * row * PAGE_TOKENS, row >> 2, load<f32>(a + u * heads * TILE_ROW));
    }
    v += row;
    bv += row;
  }
}
