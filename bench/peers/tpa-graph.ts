import type { AttentionShape } from '../shapes.ts';
import { randomValues } from '../random.ts';
import {
  floatValue,
  type GraphSpec,
  type InitializerSpec,
  type NodeSpec,
  type ValueSpec,
} from '../../src/backend/webgpu/graph/onnx-model.ts';
import type { Feed } from './ort.ts';

/**
 * How the graph is written. As two-operand Einsums it reads like the formula. As MatMuls it is ten
 * times faster: with the token index innermost it needs no transposition of the cache and is the
 * fastest form found, but such a cache cannot be appended to; token-major can.
 */
export type TpaForm = 'token-innermost' | 'token-major' | 'einsum';

/** Random factors; `(heads, rank)` is head-major for the query, caches are `(tokens, rank, …)`. */
export interface Factors {
  readonly aq: Float32Array; // (heads, rankQ)
  readonly bq: Float32Array; // (rankQ, headDim)
  readonly ak: Float32Array; // (tokens, rankK, heads)
  readonly bk: Float32Array; // (tokens, rankK, headDim)
  readonly av: Float32Array; // (tokens, rankV, heads)
  readonly bv: Float32Array; // (tokens, rankV, headDim)
}

/** Reproducible factors of one query and `tokens` cached tokens. */
export function randomFactors(shape: AttentionShape, tokens: number): Factors {
  const { heads, headDim, rankQ, rankK, rankV } = shape;
  return {
    aq: randomValues(heads * rankQ, 1),
    bq: randomValues(rankQ * headDim, 2),
    ak: randomValues(tokens * rankK * heads, 3),
    bk: randomValues(tokens * rankK * headDim, 4),
    av: randomValues(tokens * rankV * heads, 5),
    bv: randomValues(tokens * rankV * headDim, 6),
  };
}

/** One TPA decode step over a dynamic number M of cached tokens; output `(heads, headDim)`. */
export function tpaGraph(shape: AttentionShape, form: TpaForm): GraphSpec {
  return FORMS[form](shape);
}

/** The inputs of {@link tpaGraph}; rearranges the cached factors where the form asks for it. */
export function tpaFeeds(
  shape: AttentionShape,
  form: TpaForm,
  factors: Factors,
): Record<string, Feed> {
  const { heads, headDim, rankQ, rankK, rankV } = shape;
  const tokens = factors.bk.length / (rankK * headDim);
  const query = {
    aq: { data: factors.aq, dims: [heads, rankQ] },
    bq: { data: factors.bq, dims: [rankQ, headDim] },
  };
  if (form !== 'token-innermost') {
    return {
      ...query,
      ak: { data: factors.ak, dims: [tokens, rankK, heads] },
      bk: { data: factors.bk, dims: [tokens, rankK, headDim] },
      av: { data: factors.av, dims: [tokens, rankV, heads] },
      bv: { data: factors.bv, dims: [tokens, rankV, headDim] },
    };
  }
  return {
    ...query,
    ak: { data: transpose(factors.ak, tokens, rankK * heads), dims: [rankK, heads, tokens] },
    bk: { data: transpose(factors.bk, tokens, rankK * headDim), dims: [rankK, headDim, tokens] },
    av: { data: transpose(factors.av, tokens, rankV * heads), dims: [rankV, heads, tokens] },
    bv: { data: ranksFirst(factors.bv, tokens, rankV, headDim), dims: [rankV, tokens, headDim] },
  };
}

const FORMS: Readonly<Record<TpaForm, (shape: AttentionShape) => GraphSpec>> = {
  'token-innermost': innermostGraph,
  'token-major': majorGraph,
  einsum: einsumGraph,
};

function innermostGraph(shape: AttentionShape): GraphSpec {
  const { heads, headDim, rankK, rankV } = shape;
  return {
    inputs: [
      ...queryInputs(shape),
      floatValue('ak', rankK, heads, 'M'),
      floatValue('bk', rankK, headDim, 'M'),
      floatValue('av', rankV, heads, 'M'),
      floatValue('bv', rankV, 'M', headDim),
    ],
    outputs: [floatValue('o', heads, headDim)],
    initializers: [...scales(shape), axis('rank', 0)],
    nodes: [
      node('Mul', 'aq scale', 'aqs'),
      node('MatMul', 'bq bk', 'p'), // (rankK, rankQ, M)
      node('MatMul', 'aqs p', 'mixed'), // (rankK, heads, M)
      node('Mul', 'mixed ak', 'scores'),
      sumRanks(rankK, 'scores', 'logits'), // (heads, M)
      node('Softmax', 'logits', 'weights', { axis: -1 }),
      node('Mul', 'weights av', 'weighted'), // (rankV, heads, M)
      node('MatMul', 'weighted bv', 'values'), // (rankV, heads, headDim)
      sumRanks(rankV, 'values', 'sum'),
      node('Mul', 'sum mean', 'o'),
    ],
  };
}

function majorGraph(shape: AttentionShape): GraphSpec {
  const { heads, headDim, rankK } = shape;
  return {
    inputs: majorInputs(shape),
    outputs: [floatValue('o', heads, headDim)],
    initializers: [
      ...scales(shape),
      axis('rank', 1),
      axis('byHeads', -1, heads),
      axis('byHeadDim', -1, headDim),
    ],
    nodes: [
      node('Mul', 'aq scale', 'aqs'),
      node('Transpose', 'aqs', 'aqt'),
      node('Transpose', 'bq', 'bqt'),
      node('MatMul', 'bk bqt', 'p'), // (M, rankK, rankQ)
      node('MatMul', 'p aqt', 'mixed'), // (M, rankK, heads)
      node('Mul', 'mixed ak', 'scores'),
      sumRanks(rankK, 'scores', 'logits'), // (M, heads)
      node('Softmax', 'logits', 'weights', { axis: 0 }),
      node('Unsqueeze', 'weights rank', 'column'),
      node('Mul', 'column av', 'weighted'), // (M, rankV, heads)
      node('Reshape', 'weighted byHeads', 'flat'),
      node('Transpose', 'flat', 'rows'), // (heads, M · rankV)
      node('Reshape', 'bv byHeadDim', 'values'),
      node('MatMul', 'rows values', 'sum'),
      node('Mul', 'sum mean', 'o'),
    ],
  };
}

function einsumGraph(shape: AttentionShape): GraphSpec {
  return {
    inputs: majorInputs(shape),
    outputs: [floatValue('o', shape.heads, shape.headDim)],
    initializers: scales(shape),
    nodes: [
      node('Mul', 'aq scale', 'aqs'),
      node('Einsum', 'bq bk', 'p', { equation: 'rd,msd->msr' }),
      node('Einsum', 'aqs p', 'mixed', { equation: 'hr,msr->msh' }),
      node('Einsum', 'mixed ak', 'logits', { equation: 'msh,msh->mh' }),
      node('Softmax', 'logits', 'weights', { axis: 0 }),
      node('Einsum', 'weights av', 'weighted', { equation: 'mh,muh->muh' }),
      node('Einsum', 'weighted bv', 'sum', { equation: 'muh,mud->hd' }),
      node('Mul', 'sum mean', 'o'),
    ],
  };
}

function majorInputs(shape: AttentionShape): ValueSpec[] {
  const { heads, headDim, rankK, rankV } = shape;
  return [
    ...queryInputs(shape),
    floatValue('ak', 'M', rankK, heads),
    floatValue('bk', 'M', rankK, headDim),
    floatValue('av', 'M', rankV, heads),
    floatValue('bv', 'M', rankV, headDim),
  ];
}

function queryInputs({ heads, headDim, rankQ }: AttentionShape): ValueSpec[] {
  return [floatValue('aq', heads, rankQ), floatValue('bq', rankQ, headDim)];
}

function scales({ headDim, rankQ, rankK, rankV }: AttentionShape): InitializerSpec[] {
  const scale = 1 / (rankQ * rankK * Math.sqrt(headDim));
  return [
    { name: 'scale', data: Float32Array.of(scale), dims: [] },
    { name: 'mean', data: Float32Array.of(1 / rankV), dims: [] },
  ];
}

/** Dropping an axis of length 1 is a view; summing it would be a copy. */
function sumRanks(rank: number, input: string, output: string): NodeSpec {
  return rank === 1
    ? node('Squeeze', `${input} rank`, output)
    : node('ReduceSum', `${input} rank`, output, { keepdims: 0 });
}

function node(
  op: string,
  inputs: string,
  output: string,
  attributes: Readonly<Record<string, number | string>> = {},
): NodeSpec {
  return { op, inputs: inputs.split(' '), outputs: [output], attributes };
}

function axis(name: string, ...values: number[]): InitializerSpec {
  return { name, data: BigInt64Array.from(values, BigInt), dims: [values.length] };
}

/** `(rows, columns)` → `(columns, rows)`. */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = matrix[row * columns + column]!;
    }
  }
  return out;
}

/** `(tokens, ranks, width)` → `(ranks, tokens, width)`. */
function ranksFirst(data: Float32Array, tokens: number, ranks: number, width: number) {
  const out = new Float32Array(data.length);
  for (let token = 0; token < tokens; token++) {
    for (let rank = 0; rank < ranks; rank++) {
      const from = (token * ranks + rank) * width;
      out.set(data.subarray(from, from + width), (rank * tokens + token) * width);
    }
  }
  return out;
}
