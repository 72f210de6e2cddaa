import type { Compute } from '../compute/compute.ts';
import { dequantizeBlocks, packBlocks } from '../compute/products.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { BLOCK, BLOCK_BYTES, blocksOf } from '../layout/blocks.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import type { PackedWeight } from '../layout/packed-weight.ts';
import type { ExpectedTensor } from './layer-tensors.ts';
import { packItems } from './panels.ts';
import type { Destination, Form } from './plan.ts';

/** What makes K and V of latents. */
export interface KeyValueUp {
  /** For each head W_UKᵀ (latentDim, headDim): a query of the head becomes one of the latent. */
  readonly absorb: readonly PackedWeight[];
  /** For each head W_UV (valueDim, latentDim): what attention sums up becomes the head's output. */
  readonly valueUp: readonly PackedWeight[];
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

/** How the tensor comes, and what its numbers become where they are quantised anew. */
interface Conversion {
  readonly form: Form;
  /** How the file stores it. */
  readonly type: string;
  readonly to: 'q8' | 'q4';
}

/**
 * Takes W_UK and W_UV into quantised weights. Blocks of W_UKᵀ run along the features of a head, so
 * that 32 rows of K are gathered as numbers, and quantised when they are complete.
 */
export function takeQuantized(
  compute: Compute,
  config: ModelConfig,
  { name }: ExpectedTensor,
  { absorb, valueUp }: KeyValueUp,
  { form, type, to }: Conversion,
): Destination['take'] {
  const { headDim } = config;
  const { latentDim, valueDim } = config.latent!;
  const isOfBlocks = form === 'blocks';
  const rowBlocks = blocksOf(latentDim);
  const [items, itemBytes] = isOfBlocks ? [rowBlocks, BLOCK_BYTES] : [latentDim, bytesOf(1)];

  return (from, first, count, { maker, scratch }) => {
    const blocks = numberAt(scratch, latentDim * BLOCK);
    const numbers = blocks + latentDim * BLOCK_BYTES;
    for (const { head, feature, column, width, done } of cutHeads(config, items, first, count)) {
      const at = from + done * itemBytes;
      const [block, column0, length] = isOfBlocks
        ? [column, column * BLOCK, Math.min(width * BLOCK, latentDim - column * BLOCK)]
        : [column / BLOCK, column, width];
      const inTensor = (head * (headDim + valueDim) + feature) * rowBlocks + block;
      const part = { name, type, to, first: inTensor };
      if (feature >= headDim) {
        if (!isOfBlocks) maker.quantize(blocks, at, 1, length, { ...part, what: 'numbers' });
        const inValues = (feature - headDim) * rowBlocks + block;
        packItems(compute, valueUp[head]!, isOfBlocks ? at : blocks, inValues, blocksOf(length));
        continue;
      }
      if (isOfBlocks) dequantizeBlocks(compute, numbers, at, width);
      const group = feature - (feature % BLOCK);
      const features = Math.min(BLOCK, headDim - group);
      const row = compute.heap.floats(isOfBlocks ? numbers : at, length);
      const columns = compute.heap.floats(scratch, latentDim * features);
      const start = column0 * features + feature - group;
      for (let i = 0; i < length; i++) columns[start + i * features] = row[i]!;
      if (feature - group < features - 1 || column0 + length < latentDim) continue;
      const what = isOfBlocks ? 'transpose' : 'numbers';
      maker.quantize(blocks, scratch, latentDim, features, { ...part, what });
      packBlocks(compute, absorb[head]!, blocks, 0, latentDim, group / BLOCK, 1);
    }
  };
}
