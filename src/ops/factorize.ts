import type { Compute } from '../compute/compute.ts';
import {
  checkChoice,
  checkFloats,
  checkInteger,
  checkNumber,
  checkObject,
  checkRule,
  countTokens,
} from '../base/arguments.ts';
import type { RopeDirection, RopePrecision, RopeSpec } from '../attention/rope.ts';
import { MAX_HEADS, MAX_POSITION, MAX_RANK, MAX_WIDTH } from '../attention/check-spec.ts';
import type { FactorSpec } from '../attention/spec.ts';
import type { FactorizeTask } from '../backend/op-gpu.ts';
import { packRows } from '../compute/products.ts';
import { type FactorLayout, factorLayout, projectFactors } from '../compute/project.ts';
import { RopeTables } from '../compute/rope.ts';
import { bytesOf } from '../layout/numbers.ts';
import { packedBytes } from '../layout/packed-weight.ts';

/** Sizes and conventions of a factorisation. */
export interface FactorizeSpec extends FactorSpec {
  /** Features of each B row, its first, that RoPE rotates: even, all of them unless given. */
  readonly rotaryDim?: number;
  /** Base of the rotary frequencies, default 10000. */
  readonly ropeTheta?: number;
  /** Rounding of cosines and sines, default `'bfloat16'` as upstream T6 trains. */
  readonly ropePrecision?: RopePrecision;
  /** Sign of the rotation: 1 for T6 (default), -1 for Hugging Face LLaMA. */
  readonly ropeDirection?: RopeDirection;
}

/** Projections in the upstream row layout: A head-major (heads · rank, dim), B (rank · headDim, dim). */
export interface FactorWeights {
  /** (heads · rankQ, dim); absent when rankQ is 0 */
  readonly wAq?: Float32Array;
  /** (rankQ · headDim, dim); absent when rankQ is 0 */
  readonly wBq?: Float32Array;
  /** (heads · headDim, dim), the full query of TPA-KVonly, when rankQ is 0 */
  readonly wQ?: Float32Array;
  /** (heads · rankK, dim) */
  readonly wAk: Float32Array;
  /** (rankK · headDim, dim) */
  readonly wBk: Float32Array;
  /** (heads · rankV, dim) */
  readonly wAv: Float32Array;
  /** (rankV · headDim, dim) */
  readonly wBv: Float32Array;
}

/**
 * Factors of T tokens, RoPE applied to bq (or q) and bk: what a cache appends and what attention
 * asks with.
 */
export interface Factors {
  /** (T, heads, rankQ); empty when rankQ is 0 */
  readonly aq: Float32Array;
  /** (T, rankQ, headDim); empty when rankQ is 0 */
  readonly bq: Float32Array;
  /** Pairs of factors of a query; 0 for a full query. */
  readonly rankQ: number;
  /** (T, heads, headDim), the full query of TPA-KVonly; absent unless rankQ is 0 */
  readonly q?: Float32Array;
  /** (T, heads, rankK) */
  readonly ak: Float32Array;
  /** (T, rankK, headDim) */
  readonly bk: Float32Array;
  /** (T, heads, rankV) */
  readonly av: Float32Array;
  /** (T, rankV, headDim) */
  readonly bv: Float32Array;
}

const MAX_DIM = 1 << 20;

/** @throws TypeError, RangeError if an argument does not fit */
export function checkFactorize(
  x: Float32Array,
  weights: FactorWeights,
  given: FactorizeSpec,
  position: number,
): FactorizeTask {
  const spec = checkSpec(checkObject('spec', given));
  const rotation = ropeSpec(given, spec.headDim);
  checkObject('weights', weights);
  const count = countTokens('x', x, spec.dim);
  checkFloats('x', x, count * spec.dim);
  checkInteger('position', position, 0, MAX_POSITION - count);
  const pieces = weightRows(spec).map(([name, rows]) =>
    checkFloats(name, weights[name], rows * spec.dim),
  );
  return { x, spec, rotation, pieces, position, count };
}

/**
 * Factors of T tokens at positions `position …` (paper, eq. 3): one fused projection, then RoPE.
 *
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function factorize(compute: Compute, task: FactorizeTask): Factors {
  const { x, spec, rotation, pieces, position, count } = task;
  const layout = layoutOf(spec);
  const { heap } = compute;
  const owned: number[] = [];
  const allocate = (bytes: number) => {
    const address = heap.allocate(bytes);
    owned.push(address);
    return address;
  };
  let rope: RopeTables | undefined;
  try {
    const shape = { rows: layout.width, k: spec.dim, dtype: 'f32' } as const;
    const weight = { at: allocate(packedBytes(shape)), ...shape };
    const staging = allocate(Math.max(...pieces.map((piece) => piece.byteLength), x.byteLength));
    const out = allocate(bytesOf(count * layout.stride));
    const attention = { ...spec, valueDim: spec.headDim };
    const projection = { spec: attention, rankQ: spec.rankQ, weight };
    const from = { at: staging, stride: spec.dim };
    compute.run(() => {
      let row = 0;
      for (const piece of pieces) {
        heap.floats(staging, piece.length).set(piece);
        packRows(compute, weight, staging, row, piece.length / spec.dim);
        row += piece.length / spec.dim;
      }
      heap.floats(staging, x.length).set(x);
      rope = new RopeTables(compute, rotation, count);
      rope.fill(position, count);
      projectFactors(compute, out, from, projection, count, rope);
    });
    return cutFactors(heap.floats(out, count * layout.stride), task, layout.stride);
  } finally {
    rope?.dispose();
    for (const address of owned) heap.release(address);
  }
}

/** Where each factor lies in a row of the fused projection. */
export function layoutOf(spec: FactorSpec): FactorLayout {
  return factorLayout({ ...spec, valueDim: spec.headDim }, spec.rankQ);
}

function checkSpec(spec: FactorizeSpec): FactorSpec {
  const headDim = checkInteger('headDim', spec.headDim, 2, MAX_WIDTH);
  return {
    dim: checkInteger('dim', spec.dim, 1, MAX_DIM),
    heads: checkInteger('heads', spec.heads, 1, MAX_HEADS),
    headDim,
    rankQ: checkInteger('rankQ', spec.rankQ, 0, MAX_RANK),
    rankK: checkInteger('rankK', spec.rankK, 1, MAX_RANK),
    rankV: checkInteger('rankV', spec.rankV, 1, MAX_RANK),
  };
}

function ropeSpec(spec: FactorizeSpec, headDim: number): RopeSpec {
  const name = spec.rotaryDim === undefined ? 'headDim' : 'rotaryDim';
  const rotaryDim = checkInteger(name, spec.rotaryDim ?? headDim, 2, headDim);
  checkRule(name, rotaryDim % 2 === 0, 'an even number to rotate', rotaryDim);
  const { ropeTheta = 10000, ropePrecision = 'bfloat16', ropeDirection = 1 } = spec;
  checkNumber('ropeTheta', ropeTheta, 1);
  checkChoice('ropePrecision', ropePrecision, ['bfloat16', 'float32']);
  checkChoice('ropeDirection', ropeDirection, [1, -1]);
  return { rotaryDim, theta: ropeTheta, precision: ropePrecision, direction: ropeDirection };
}

/** The projections that a spec asks for, in the order of the fused rows, and the rows of each. */
export function weightRows(spec: FactorSpec): [keyof FactorWeights, number][] {
  const { heads, headDim, rankQ, rankK, rankV } = spec;
  const rows: [keyof FactorWeights, number][] = [
    ['wAq', heads * rankQ],
    ['wBq', rankQ * headDim],
    ['wQ', rankQ === 0 ? heads * headDim : 0],
    ['wAk', heads * rankK],
    ['wBk', rankK * headDim],
    ['wAv', heads * rankV],
    ['wBv', rankV * headDim],
  ];
  return rows.filter(([, count]) => count > 0);
}

/** Cuts fused rows, `stride` numbers apart, into one array for each factor. */
export function cutFactors(
  rows: Float32Array,
  { spec, count }: FactorizeTask,
  stride: number,
): Factors {
  const { aq, bq, ak, bk, av, bv, width } = layoutOf(spec);
  const piece = (from: number, to: number) => {
    const out = new Float32Array(count * (to - from));
    for (let t = 0; t < count; t++) {
      out.set(rows.subarray(t * stride + from, t * stride + to), t * (to - from));
    }
    return out;
  };
  const isFull = spec.rankQ === 0;
  return {
    aq: isFull ? new Float32Array(0) : piece(aq, bq),
    bq: piece(bq, ak),
    rankQ: spec.rankQ,
    ...(isFull ? { q: piece(aq, bq) } : {}),
    ak: piece(ak, bk),
    bk: piece(bk, av),
    av: piece(av, bv),
    bv: piece(bv, width),
  };
}
