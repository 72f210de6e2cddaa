import type { Compute } from '../compute/compute.ts';
import { dequantizeBlocks, packBlocks } from '../compute/products.ts';
import { BLOCK, BLOCK_BYTES, blocksOf } from '../layout/blocks.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import { cutHeads, type LatentTarget } from './latent-rows.ts';
import { packItems } from './panels.ts';
import type { BlockMaker } from './stream/block-maker.ts';

/**
 * Takes items first … first + count of W_UK and W_UV into quantised weights. Blocks of W_UKᵀ run along
 * the features of a head, so that 32 rows of K are gathered as numbers, and quantised when they are
 * complete.
 *
 * @param scratch address of `latentScratch` bytes, as the items before have left them
 */
export function takeLatent(
  compute: Compute,
  maker: BlockMaker,
  scratch: number,
  { config, name, type, isOfBlocks, to, absorb, valueUp }: LatentTarget,
  from: number,
  first: number,
  count: number,
): void {
  const { headDim } = config;
  const { latentDim, valueDim } = config.latent!;
  const rowBlocks = blocksOf(latentDim);
  const [items, itemBytes] = isOfBlocks ? [rowBlocks, BLOCK_BYTES] : [latentDim, bytesOf(1)];
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
}
