import type { Compute } from '../compute/compute.ts';
import { packBlocks, packPart, packRows } from '../compute/products.ts';
import { blocksOf } from '../layout/blocks.ts';
import { bytesOf, numberAt } from '../layout/numbers.ts';
import { type PackedWeight, packedIndex, PANEL } from '../layout/packed-weight.ts';
import type { Heap } from '../wasm/heap.ts';

/**
 * Packs items first … first + count of a weight (rows, k), numbers of a float32 one and else blocks,
 * whole rows or a part of one, into its zeroed panels.
 *
 * @param from address of the items
 */
export function packItems(
  compute: Compute,
  weight: PackedWeight,
  from: number,
  first: number,
  count: number,
): void {
  const { k, dtype } = weight;
  const items = dtype === 'f32' ? k : blocksOf(k);
  const [row, inRow] = [Math.floor(first / items), first % items];
  const [rows, length] = count >= items ? [count / items, items] : [1, count];
  if (dtype !== 'f32') packBlocks(compute, weight, from, row, rows, inRow, length);
  else if (count >= k) packRows(compute, weight, from, row, rows);
  else packPart(compute, weight, from, row, 1, inRow, count);
}

/**
 * Packs numbers first … first + count of row `input` of Wᵀ (k, rows): one input of so many rows of a
 * float32 weight.
 *
 * @param from address of the numbers
 */
export function packInput(
  compute: Compute,
  weight: PackedWeight,
  from: number,
  input: number,
  first: number,
  count: number,
): void {
  for (let row = first; row < first + count;) {
    const rows = Math.min(PANEL - (row % PANEL), first + count - row);
    packPart(compute, weight, numberAt(from, row - first), row, rows, input, 1);
    row += rows;
  }
}

/**
 * Where numbers first … first + count of a float32 weight are not those given, counted in the order of
 * files.
 *
 * @param from address of the numbers
 * @returns -1 where all are the same
 */
export function findDifference(
  heap: Heap,
  weight: PackedWeight,
  from: number,
  first: number,
  count: number,
): number {
  const { k } = weight;
  const numbers = heap.floats(from, count);
  for (let at = 0; at < count;) {
    const [row, i] = [Math.floor((first + at) / k), (first + at) % k];
    const length = Math.min(k - i, count - at);
    const start = weight.at + bytesOf(packedIndex(weight, row, i));
    const packed = heap.floats(start, (length - 1) * PANEL + 1);
    for (let n = 0; n < length; n++) {
      if (packed[n * PANEL] !== numbers[at + n]) return first + at + n;
    }
    at += length;
  }
  return -1;
}
