import type { ModelConfig } from '../format/config/model-config.ts';
import { BLOCK, BLOCK_BYTES, blocksOf } from '../layout/blocks.ts';
import { bytesOf } from '../layout/numbers.ts';
import type { PackedWeight } from '../layout/packed-weight.ts';

/** What makes K and V of latents. */
export interface KeyValueUp {
  /** For each head W_UKᵀ (latentDim, headDim): a query of the head becomes one of the latent. */
  readonly absorb: readonly PackedWeight[];
  /** For each head W_UV (valueDim, latentDim): what attention sums up becomes the head's output. */
  readonly valueUp: readonly PackedWeight[];
}

/** The quantised weights that W_UK and W_UV become, and how the tensor of both comes. */
export interface LatentTarget extends KeyValueUp {
  readonly config: ModelConfig;
  /** The tensor. */
  readonly name: string;
  /** How the file stores it, e.g. `Q4_0`. */
  readonly type: string;
  /** Whether it comes as blocks with the codes of the file, else as numbers. */
  readonly isOfBlocks: boolean;
  /** What its numbers become where they are quantised anew. */
  readonly to: 'q8' | 'q4';
}

/** A row of W_UK or of W_UV, or a part of one. */
interface HeadRow {
  readonly head: number;
  /** Row of the head: rows of K come first, then those of V. */
  readonly feature: number;
  /** First item, and how many, counted in numbers or in blocks as `first` is. */
  readonly column: number;
  readonly width: number;
  /** Items before it. */
  readonly done: number;
}

/** Cuts items first … first + count of the tensor into rows, of `items` each. */
export function* cutHeads(
  { headDim, latent }: ModelConfig,
  items: number,
  first: number,
  count: number,
): Generator<HeadRow> {
  const rows = headDim + latent!.valueDim;
  const width = Math.min(count, items);
  for (let done = 0; done < count; done += width) {
    const row = Math.floor((first + done) / items);
    const [head, feature] = [Math.floor(row / rows), row % rows];
    yield { head, feature, column: (first + done) % items, width, done };
  }
}

/** Bytes of scratch: 32 rows of W_UK as columns, a block of each, and a row as numbers. */
export function latentScratch(latentDim: number): number {
  const padded = blocksOf(latentDim) * BLOCK;
  return bytesOf(latentDim * BLOCK) + latentDim * BLOCK_BYTES + bytesOf(padded);
}
