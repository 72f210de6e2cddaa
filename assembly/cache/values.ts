import { scaleRow } from '../simd/scale';
import { bvRows, PAGE_TOKENS, storedRow, valueRow } from '../layout/pages';
import { CacheShape, FIXED, OUTER } from '../layout/records';

/** Bytes of scratch that {@link valuesOfPage} needs. */
export function valueScratch(shape: CacheShape): usize {
  return shape.form == OUTER ? <usize>shape.rankV * PAGE_TOKENS * valueRow(shape) : 0;
}

/** B_V of a page (rankV, 96, valueStride), its first `count` tokens: in the page, fixed, or formed in scratch. */
export function valuesOfPage(page: usize, count: usize, shape: CacheShape, scratch: usize): usize {
  if (shape.form == FIXED) return shape.bv;
  const stored = bvRows(page, shape);
  if (shape.form != OUTER) return stored;
  const cDim = <usize>shape.outerDim,
    bDim = <usize>shape.valueDim / cDim;
  const row = valueRow(shape),
    from = storedRow(shape);
  for (let u: usize = 0; u < shape.rankV; u++) {
    for (let m: usize = 0; m < count; m++) {
      const b = stored + (u * PAGE_TOKENS + m) * from,
        c = b + (bDim << 2);
      let to = scratch + (u * PAGE_TOKENS + m) * row;
      for (let i: usize = 0; i < bDim; i++) {
        scaleRow(to, c, cDim, load<f32>(b + (i << 2)));
        to += cDim << 2;
      }
      // the value product adds whole vectors, and scratch is anything
      for (let i = (<usize>shape.valueDim) << 2; i < row; i += 4)
        store<f32>(scratch + (u * PAGE_TOKENS + m) * row + i, 0);
    }
  }
  return scratch;
}
