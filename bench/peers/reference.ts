import type { AttentionShape, GroupedShape, ProductShape } from '../shapes.ts';
import type { GqaFeeds } from './gqa-graph.ts';
import type { Factors } from './tpa-graph.ts';

/** Relative error a float32 peer may have; the worst of them measures 3e-7 at these sizes. */
const TOLERANCE = 1e-5;

/** TPA by its definition in float64: Q, K and V expanded, then softmax attention head by head. */
export function tpaReference(shape: AttentionShape, factors: Factors): Float64Array {
  const { heads, headDim, rankQ, rankK, rankV } = shape;
  const tokens = factors.bk.length / (rankK * headDim);
  const out = new Float64Array(heads * headDim);
  for (let h = 0; h < heads; h++) {
    const query = (e: number) =>
      sum(rankQ, (r) => factors.aq[h * rankQ + r]! * factors.bq[r * headDim + e]!) / rankQ;
    const key = (m: number, e: number) => expand(factors.ak, factors.bk, rankK, m, h, e);
    const value = (m: number, e: number) => expand(factors.av, factors.bv, rankV, m, h, e);
    out.set(attend(tokens, headDim, query, key, value), h * headDim);
  }
  return out;

  function expand(
    a: Float32Array,
    b: Float32Array,
    rank: number,
    m: number,
    h: number,
    e: number,
  ): number {
    const term = (r: number) => a[(m * rank + r) * heads + h]! * b[(m * rank + r) * headDim + e]!;
    return sum(rank, term) / rank;
  }
}

/** Grouped attention by its definition in float64, over the past and the new token. */
export function gqaReference(shape: GroupedShape, feeds: GqaFeeds): Float64Array {
  const { heads, kvHeads, headDim } = shape;
  const past = feeds.past_key.dims[2] ?? 0;
  const out = new Float64Array(heads * headDim);
  for (let h = 0; h < heads; h++) {
    const group = Math.floor(h / (heads / kvHeads));
    const cached =
      (old: Float32Array | Int32Array, fresh: Float32Array | Int32Array) =>
      (m: number, e: number) =>
        m < past ? old[(group * past + m) * headDim + e]! : fresh[group * headDim + e]!;
    const query = (e: number) => feeds.query.data[h * headDim + e]!;
    const key = cached(feeds.past_key.data, feeds.key.data);
    const value = cached(feeds.past_value.data, feeds.value.data);
    out.set(attend(past + 1, headDim, query, key, value), h * headDim);
  }
  return out;
}

/** `x · w` in float64. */
export function productReference(
  { rows, inner, columns }: ProductShape,
  x: Float32Array,
  w: Float32Array,
): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, at) => {
    const row = Math.floor(at / columns);
    return sum(inner, (i) => x[row * inner + i]! * w[i * columns + (at % columns)]!);
  });
}

/**
 * Stops a benchmark whose subject computes something else than it claims.
 *
 * @throws Error with the measured relative error
 */
export function assertClose(
  name: string,
  actual: Float32Array,
  expected: Float64Array,
  tolerance = TOLERANCE,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`"${name}" expected ${expected.length} values, got ${actual.length}`);
  }
  const squaredError = sum(expected.length, (i) => (actual[i]! - expected[i]!) ** 2);
  const error = Math.sqrt(squaredError / sum(expected.length, (i) => expected[i]! ** 2));
  if (!(error <= tolerance)) {
    throw new Error(`"${name}" expected a relative error <= ${tolerance}, got ${error}`);
  }
}

function attend(
  tokens: number,
  headDim: number,
  query: (e: number) => number,
  key: (m: number, e: number) => number,
  value: (m: number, e: number) => number,
): Float64Array {
  const logits = Float64Array.from(
    { length: tokens },
    (_, m) => sum(headDim, (e) => query(e) * key(m, e)) / Math.sqrt(headDim),
  );
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const total = sum(tokens, (m) => weights[m]!);
  return Float64Array.from(
    { length: headDim },
    (_, e) => sum(tokens, (m) => weights[m]! * value(m, e)) / total,
  );
}

function sum(count: number, term: (index: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}
