import { matmul } from './matmul.ts';
import { rope } from './rope.ts';
import { ropeTable } from './rope-table.ts';

/** Rows of `wAk` and `wAv` are head-major (heads · rank), of the others rank-major (rank · headDim). */
export interface KvOnlyWeights {
  wQ: ArrayLike<number>;
  wAk: ArrayLike<number>;
  wBk: ArrayLike<number>;
  wAv: ArrayLike<number>;
  wBv: ArrayLike<number>;
}

/**
 * The factors of x (T, dim) by TPA-KVonly, token t at `position + t`: q (T, heads, headDim) and bk
 * (T, rankK, headDim) rotated, ak (T, heads, rankK), av (T, heads, rankV), bv (T, rankV, headDim).
 */
export function factorizeKvOnly(
  x: ArrayLike<number>,
  weights: KvOnlyWeights,
  spec: { dim: number; heads: number; headDim: number; rankK: number; position: number },
) {
  const { dim, heads, headDim, rankK, position } = spec;
  const tokens = x.length / dim;
  const positions = Array.from({ length: tokens }, (_, t) => position + t);
  const table = ropeTable(positions, headDim, 'bfloat16');
  const project = (w: ArrayLike<number>) => matmul(x, w, dim);
  return {
    q: rope(project(weights.wQ), table, { tokens, rows: heads, headDim }),
    ak: project(weights.wAk),
    bk: rope(project(weights.wBk), table, { tokens, rows: rankK, headDim }),
    av: project(weights.wAv),
    bv: project(weights.wBv),
  };
}
