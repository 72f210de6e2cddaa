import { productStore } from '../product/strips';
import { splatBytes, splatScale, splatScaleAdd, splatStore } from '../product/splat';
import { keysOfHead } from '../cache/materialize';
import { PAGE_ROW, TILE, TILE_ROW } from '../layout/pages';
import { CacheShape } from '../layout/records';

/*
 * Logits (base 2) of some heads and one tile of 48 keys: out (heads, queries, 48), heads `plane`
 * bytes apart, queries PAGE_ROW bytes; ak is the row of the first of these heads.
 */

/**
 * From P = B_Q B_K shared by all heads: a and b of splatQueries, p scratch (count · rankQ, 48).
 * With rankQ = 0 the full queries in a meet B_K itself.
 */
export function factoredLogits(
  out: usize,
  a: usize,
  b: usize,
  p: usize,
  bk: usize,
  ak: usize,
  shape: CacheShape,
  rankQ: usize,
  count: usize,
  heads: usize,
  plane: usize,
): void {
  const headDim = <usize>shape.headDim;
  const inner = rankQ ? rankQ : headDim;
  for (let s: u32 = 0; s < shape.rankK; s++) {
    if (rankQ) splatStore(p, b, bk, count * rankQ, headDim, TILE_ROW);
    for (let t: usize = 0; t < count; t++) {
      const to = out + t * PAGE_ROW,
        from = a + t * splatBytes(heads, inner);
      const keys = rankQ ? p + t * rankQ * TILE_ROW : bk;
      if (s == 0) splatScale(to, from, keys, heads, inner, plane, ak);
      else splatScaleAdd(to, from, keys, heads, inner, plane, ak);
    }
    bk += headDim * TILE_ROW;
    ak += <usize>shape.heads * TILE_ROW;
  }
}

/** Head by head from a dense key tile formed in k (headDim, 48); q (heads, count, headDim). */
export function denseLogits(
  out: usize,
  q: usize,
  k: usize,
  bk: usize,
  ak: usize,
  shape: CacheShape,
  count: usize,
  heads: usize,
  plane: usize,
): void {
  const headDim = <usize>shape.headDim,
    qBytes = count * (headDim << 2);
  for (let h: usize = 0; h < heads; h++) {
    keysOfHead(k, bk, ak, h, shape);
    productStore(out, q, k, count, TILE, headDim, PAGE_ROW, headDim << 2, TILE_ROW);
    out += plane;
    q += qBytes;
  }
}
