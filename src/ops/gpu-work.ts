import type { AttendTask, FactorizeTask, RotationRows } from '../backend/op-gpu.ts';
import type { Compute } from '../compute/compute.ts';
import { RopeTables } from '../compute/rope.ts';
import { layoutOf } from './factorize.ts';

/*
 * What operations cost, and what a GPU takes besides their arguments: only programs that have one
 * load it.
 */

/**
 * The tables that a factorisation rotates by: (count, pairs) each, fresh arrays.
 *
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function factorizeTables(
  compute: Compute,
  { rotation, position, count }: FactorizeTask,
): RotationRows {
  const rope = new RopeTables(compute, rotation, count);
  try {
    compute.run(() => rope.fill(position, count));
    const table = (at: number) => compute.heap.floats(at, count * rope.pairs).slice();
    return { cos: table(rope.cosAt), sin: table(rope.sinAt) };
  } finally {
    rope.dispose();
  }
}

/** Multiply-adds of a factorisation. */
export function factorizeMacs({ spec, count }: FactorizeTask): number {
  return count * spec.dim * layoutOf(spec).width;
}

/** Multiply-adds of attention, factors never expanded; masked pairs count. */
export function attendMacs({ spec, rankQ, count, length }: AttendTask): number {
  const { heads, headDim, valueDim, rankK, rankV, headFactors } = spec;
  const pairs = count * length;
  if (headFactors === 'groups') return pairs * heads * (headDim + valueDim);
  const scores = rankQ === 0 ? heads * rankK * (headDim + 1) : rankQ * rankK * (headDim + heads);
  return pairs * (scores + heads * rankV * valueDim);
}
