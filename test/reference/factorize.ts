import { matmul } from './matmul.ts';
import { rope, type RopeConvention } from './rope.ts';
import { ropeTable, type RopePrecision } from './rope-table.ts';

/** Rows of `wA*` are head-major (heads · rank), rows of `wB*` rank-major (rank · headDim). */
export interface KeyValueWeights {
  wAk: ArrayLike<number>;
  wBk: ArrayLike<number>;
  wAv: ArrayLike<number>;
  wBv: ArrayLike<number>;
}

/** Shapes and rotation of {@link factorize}. Token t of x sits at `position + t`. */
export interface FactorizeSpec {
  dim: number;
  heads: number;
  headDim: number;
  rankK: number;
  position: number;
  ropePrecision: RopePrecision;
  ropeTheta?: number;
  convention?: RopeConvention;
}

/** ak (T, heads, rankK), bk (T, rankK, headDim) rotated, av (T, heads, rankV), bv (T, rankV, valueDim). */
export interface KeyValueFactors {
  ak: Float64Array;
  bk: Float64Array;
  av: Float64Array;
  bv: Float64Array;
}

/**
 * The factors of x (T, dim) by TPA: those of K and V, aq (T, heads, rankQ) and bq
 * (T, rankQ, headDim) rotated.
 */
export function factorize(
  x: ArrayLike<number>,
  weights: KeyValueWeights & { wAq: ArrayLike<number>; wBq: ArrayLike<number> },
  spec: FactorizeSpec & { rankQ: number },
): KeyValueFactors & { aq: Float64Array; bq: Float64Array } {
  return {
    aq: matmul(x, weights.wAq, spec.dim),
    bq: rotate(matmul(x, weights.wBq, spec.dim), spec.rankQ, spec),
    ...keyValueFactors(x, weights, spec),
  };
}

/** The factors of x (T, dim) by TPA-KVonly: those of K and V, and q (T, heads, headDim) rotated. */
export function factorizeKvOnly(
  x: ArrayLike<number>,
  weights: KeyValueWeights & { wQ: ArrayLike<number> },
  spec: FactorizeSpec,
): KeyValueFactors & { q: Float64Array } {
  return {
    q: rotate(matmul(x, weights.wQ, spec.dim), spec.heads, spec),
    ...keyValueFactors(x, weights, spec),
  };
}

function keyValueFactors(
  x: ArrayLike<number>,
  weights: KeyValueWeights,
  spec: FactorizeSpec,
): KeyValueFactors {
  return {
    ak: matmul(x, weights.wAk, spec.dim),
    bk: rotate(matmul(x, weights.wBk, spec.dim), spec.rankK, spec),
    av: matmul(x, weights.wAv, spec.dim),
    bv: matmul(x, weights.wBv, spec.dim),
  };
}

function rotate(b: Float64Array, rows: number, spec: FactorizeSpec): Float64Array {
  const { headDim } = spec;
  const tokens = b.length / (rows * headDim);
  const positions = Array.from({ length: tokens }, (_, t) => spec.position + t);
  const table = ropeTable(positions, headDim, spec.ropePrecision, spec.ropeTheta);
  return rope(b, table, { tokens, rows, headDim }, spec.convention);
}
