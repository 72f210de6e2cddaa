import type { ModelConfig } from '../format/config/model-config.ts';
import { bytesOf, numberAt, padToVector } from '../layout/numbers.ts';
import { PAGE_TOKENS, TILE } from '../layout/pages.ts';
import type { ExpectedTensor, LayerTensors } from './layer-tensors.ts';
import type { WeightPlan } from './plan.ts';

/** Factors that are parameters, as the attention kernels take them; addresses, 0 where contextual. */
export interface FixedWeights {
  /** (heads, rankQ) */
  readonly aq: number;
  /** (rankK, heads, 48), each number in every lane of a tile */
  readonly ak: number;
  readonly av: number;
  /** (rankQ, headDim), before RoPE */
  readonly bq: number;
  /** (rankK, headDim), before RoPE */
  readonly bk: number;
  /** (rankV, 96, headDim rounded up to 4), each row for every token of a page */
  readonly bv: number;
}

/** Plans the fixed factors of a layer. */
export function planFixed(
  plan: WeightPlan,
  { heads, headDim, rankK, rankV }: ModelConfig,
  tensors: LayerTensors['fixed'],
): FixedWeights {
  const { aq, ak, av, bq, bk, bv } = tensors;
  return {
    aq: plan.vector(aq),
    ak: ak ? spread(plan, ak, heads, rankK) : 0,
    av: av ? spread(plan, av, heads, rankV) : 0,
    bq: plan.vector(bq),
    bk: plan.vector(bk),
    bv: bv ? repeat(plan, bv, headDim, rankV) : 0,
  };
}

/** (rank, heads, 48) from (heads, rank), and a row that kernels read in pairs and do not use. */
function spread(plan: WeightPlan, tensor: ExpectedTensor, heads: number, rank: number): number {
  const { heap } = plan.compute;
  const address = plan.allocate(bytesOf((rank * heads + 1) * TILE));
  plan.add(tensor, (from, first, count) => {
    for (const [i, value] of heap.floats(from, count).entries()) {
      const [h, r] = [Math.floor((first + i) / rank), (first + i) % rank];
      heap.floats(numberAt(address, (r * heads + h) * TILE), TILE).fill(value);
    }
  });
  return address;
}

/** (rank, 96, headDim rounded up to 4) from (rank, headDim). */
function repeat(plan: WeightPlan, tensor: ExpectedTensor, headDim: number, rank: number): number {
  const { heap } = plan.compute;
  const row = padToVector(headDim);
  const address = plan.allocate(bytesOf(rank * PAGE_TOKENS * row));
  plan.add(tensor, (from, first, count) => {
    const out = heap.floats(address, rank * PAGE_TOKENS * row);
    for (const [i, value] of heap.floats(from, count).entries()) {
      const [r, feature] = [Math.floor((first + i) / headDim), (first + i) % headDim];
      for (let t = 0; t < PAGE_TOKENS; t++) out[(r * PAGE_TOKENS + t) * row + feature] = value;
    }
  });
  return address;
}
