import { padToVector } from '../../../src/layout/numbers.ts';
import { assertSame } from '../checks/close.ts';
import { type KernelBench, rangesOf, WHOLE, withStride } from './kernel-bench.ts';
import type { GuardedMemory, Misalignment } from './memory.ts';
import { createRandom } from '../checks/random.ts';

/** Sizes of linear attention: with ranks [Q, K, V] factored, else `kvHeads` dense heads. */
export interface LinearSizes {
  heads: number;
  headDim: number;
  valueDim: number;
  kvHeads: number;
  ranks?: readonly [number, number, number];
  /** A_K and A_V of the first token serve all; no page would hold them. */
  isFixed?: boolean;
}

/** Rows of every token as the projection writes them; a factor that a spec lacks is empty. */
export interface LinearInputs {
  readonly aq: Float32Array;
  readonly bq: Float32Array;
  readonly ak: Float32Array;
  readonly bk: Float32Array;
  readonly av: Float32Array;
  readonly bv: Float32Array;
}

/** Random rows of `tokens` tokens. */
export function linearInputs(sizes: LinearSizes, tokens: number, seed: number): LinearInputs {
  const { heads, headDim, valueDim, kvHeads, ranks } = sizes;
  const random = createRandom(seed);
  const of = (width: number) => random.normal(tokens * width);
  if (!ranks) {
    const [aq, bk, bv] = [of(heads * headDim), of(kvHeads * headDim), of(kvHeads * valueDim)];
    const none = new Float32Array(0);
    return { aq, bq: none, ak: none, bk, av: none, bv };
  }
  const [rankQ, rankK, rankV] = ranks;
  return {
    aq: of(heads * (rankQ || headDim)),
    bq: of(rankQ * headDim),
    ak: of(heads * rankK),
    bk: of(rankK * headDim),
    av: of(heads * rankV),
    bv: of(rankV * valueDim),
  };
}

/** The dense q, k, v of the inputs in float64. */
export function denseRows(sizes: LinearSizes, tokens: number, inputs: LinearInputs) {
  const { heads, headDim, valueDim, ranks } = sizes;
  if (!ranks) return { q: inputs.aq, k: inputs.bk, v: inputs.bv };
  const form = (a: Float32Array, b: Float32Array, rank: number, width: number) => {
    if (rank === 0) return a;
    return Float64Array.from({ length: tokens * heads * width }, (_, i) => {
      const t = Math.floor(i / (heads * width));
      const row = Math.floor(i / width);
      let sum = 0;
      for (let r = 0; r < rank; r++) {
        sum += a[row * rank + r]! * b[(t * rank + r) * width + (i % width)]!;
      }
      return sum;
    });
  };
  return {
    q: form(inputs.aq, inputs.bq, ranks[0], headDim),
    k: form(inputs.ak, inputs.bk, ranks[1], headDim),
    v: form(inputs.av, inputs.bv, ranks[2], valueDim),
  };
}

function abs(x: Float32Array): Float32Array {
  return x.map((number) => Math.abs(number));
}

/** The inputs without their signs: what they yield is what a result would be if nothing cancelled. */
export function magnitudes(inputs: LinearInputs): LinearInputs {
  const { aq, bq, ak, bk, av, bv } = inputs;
  return { aq: abs(aq), bq: abs(bq), ak: abs(ak), bk: abs(bk), av: abs(av), bv: abs(bv) };
}

/** Runs linearAttend block by block, each with a fresh next state; cuts end the blocks. */
export function runLinear(
  { kernels }: KernelBench,
  guarded: GuardedMemory,
  sizes: LinearSizes,
  inputs: LinearInputs,
  cuts: readonly number[],
  scale: number,
  misalignment: Misalignment = 0,
  split = WHOLE,
): { out: Float32Array; state: Float32Array } {
  const { heads, headDim, valueDim, kvHeads, ranks, isFixed = false } = sizes;
  const tokens = cuts.at(-1)!;
  const [rankQ, rankK, rankV] = ranks ?? [0, kvHeads, kvHeads];
  const headRows = ranks && !isFixed ? heads : 0;
  const shape = [heads, headDim, valueDim, rankK, rankV, headDim, headRows, valueDim];
  const words = Int32Array.from({ length: 18 }, (_, i) => shape[i] ?? 0);
  if (isFixed) words.fill(1, 10, 12); // an address of A that the kernel must not follow
  const shapeAt = guarded.regionOf('shape', words, misalignment).pointer;
  const place = (name: keyof LinearInputs, gap: number) => {
    const x = inputs[name];
    const width = x.length / tokens;
    if (width === 0) return { at: 0, stride: 0 };
    const strided = withStride(x, width, width + gap);
    return { at: guarded.regionOf(name, strided, misalignment).pointer, stride: width + gap };
  };
  const [aq, bq] = [place('aq', 1), place('bq', 2)];
  const rows = [place('ak', 3), place('bk', 1), place('av', 2), place('bv', 5)];
  if (isFixed) for (const factor of [rows[0]!, rows[2]!]) factor.stride = 0;
  const out = new Float32Array(tokens * heads * valueDim);
  const states = ranks ? heads : kvHeads;
  const stateLength = states * headDim * padToVector(valueDim);
  let state = guarded.region('no state', 0);
  let start = 0;
  for (const end of cuts) {
    const count = end - start;
    const fromStart = (x: { at: number; stride: number }) => [
      x.at + start * x.stride * 4,
      x.stride,
    ];
    const header = (values: number[]) =>
      guarded.regionOf('rows', Int32Array.from(values), misalignment).pointer;
    const queries = header([...fromStart(aq), ...fromStart(bq), rankQ, count]);
    const factors = header(rows.flatMap(fromStart));
    const bytes = kernels.linearScratch(shapeAt, count) >>> 0;
    const next = guarded.region('state', stateLength, misalignment);
    const before = guarded.read(state);
    const to = guarded.region('out', count * heads * valueDim, misalignment);
    const from = start === 0 ? 0 : state.pointer;
    for (const range of rangesOf(heads, split)) {
      const scratch = guarded.region('scratch', bytes / 4, misalignment).pointer;
      const args = [to.pointer, queries, factors, shapeAt, from, next.pointer, scratch] as const;
      kernels.linearAttend(...args, scale, ...range);
    }
    guarded.assertCanaries();
    if (before.length > 0) assertSame(guarded.read(state), before, 'the old state');
    out.set(guarded.read(to), start * heads * valueDim);
    state = next;
    start = end;
  }
  return { out, state: guarded.read(state) };
}
