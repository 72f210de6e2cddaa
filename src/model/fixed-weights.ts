import { PAGE_TOKENS, TILE } from '../attention/factors.ts';
import type { ModelConfig } from '../format/model-config.ts';
import type { Heap } from '../wasm/heap.ts';
import type { LayerTensors } from './layer-tensors.ts';
import type { Packer } from './packer.ts';

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

/** Reads the fixed factors of a layer. */
export async function loadFixed(
  packer: Packer,
  { heads, headDim, rankK, rankV }: ModelConfig,
  tensors: LayerTensors['fixed'],
): Promise<FixedWeights> {
  const { aq, ak, av, bq, bk, bv } = tensors;
  const row = paddedRow(headDim);
  return {
    aq: await packer.vector(aq),
    ak: ak ? packer.store(spread(await packer.read(ak), heads, rankK)) : 0,
    av: av ? packer.store(spread(await packer.read(av), heads, rankV)) : 0,
    bq: await packer.vector(bq),
    bk: await packer.vector(bk),
    bv: bv ? packer.store(repeat(await packer.read(bv), headDim, row)) : 0,
  };
}

/** A factor (heads, rank) as the file has it, out of (rank, heads, 48). */
export function readSpread(heap: Heap, at: number, heads: number, rank: number): Float32Array {
  const stored = heap.floats(at, rank * heads * TILE);
  return Float32Array.from({ length: heads * rank }, (_, i) => {
    const [h, r] = [Math.floor(i / rank), i % rank];
    return stored[(r * heads + h) * TILE]!;
  });
}

/** A factor (rank, headDim) as the file has it, out of (rank, 96, headDim rounded up to 4). */
export function readRepeated(heap: Heap, at: number, rank: number, headDim: number): Float32Array {
  const row = paddedRow(headDim);
  const out = new Float32Array(rank * headDim);
  for (let r = 0; r < rank; r++) {
    out.set(heap.floats(at + r * PAGE_TOKENS * row * 4, headDim), r * headDim);
  }
  return out;
}

/** Numbers of a layer that repetition adds to those of its tensors. */
export function fixedOverhead(config: ModelConfig): number {
  const { heads, headDim, rankK, rankV, headFactors, featureFactors } = config;
  const factors = heads * (rankK + rankV);
  const spreadA = headFactors === 'fixed' ? (factors + 2) * TILE - factors : 0;
  const repeated = PAGE_TOKENS * paddedRow(headDim) - headDim;
  return spreadA + (featureFactors === 'fixed' ? rankV * repeated : 0);
}

/** Rows of values are whole vectors. */
function paddedRow(headDim: number): number {
  return Math.ceil(headDim / 4) * 4;
}

/** (rank, heads, 48) from (heads, rank), and a row that kernels read in pairs and do not use. */
function spread(a: Float32Array, heads: number, rank: number): Float32Array {
  const out = new Float32Array((a.length + 1) * TILE);
  for (let r = 0; r < rank; r++) {
    for (let h = 0; h < heads; h++) {
      const at = (r * heads + h) * TILE;
      out.fill(a[h * rank + r]!, at, at + TILE);
    }
  }
  return out;
}

/** (rank, 96, stride) from (rank, width). */
function repeat(b: Float32Array, width: number, stride: number): Float32Array {
  const rank = b.length / width;
  const out = new Float32Array(rank * PAGE_TOKENS * stride);
  for (let i = 0; i < rank * PAGE_TOKENS; i++) {
    const r = Math.floor(i / PAGE_TOKENS);
    out.set(b.subarray(r * width, (r + 1) * width), i * stride);
  }
  return out;
}
