import { packedBytes, PANEL, panelOffset } from '../compute/project.ts';
import type { Heap } from '../wasm/heap.ts';
import type { Kernels } from '../wasm/kernels.ts';

/**
 * Packs numbers first … first + count of a weight (columns, k) as files have it, whole rows or a
 * part of one, into zeroed panels.
 *
 * @param from address of the numbers
 */
export function packRows(
  kernels: Kernels,
  panels: number,
  k: number,
  from: number,
  first: number,
  count: number,
): void {
  const column = Math.floor(first / k);
  const i = first % k;
  if (count >= k) return kernels.pack(panels, from, column, count / k, k);
  // one column does not leave its panel: a weight of fewer inputs that begins at input i
  kernels.pack(panels + panelOffset(column, i, k), from, column % PANEL, 1, count);
}

/**
 * Packs numbers first … first + count of row `input` of Wᵀ (k, columns): one input of so many
 * columns of a packed weight (columns, k).
 *
 * @param from address of the numbers
 */
export function packInput(
  kernels: Kernels,
  panels: number,
  k: number,
  from: number,
  input: number,
  first: number,
  count: number,
): void {
  for (let column = first; column < first + count;) {
    const lane = column % PANEL;
    const columns = Math.min(PANEL - lane, first + count - column);
    const at = from + (column - first) * 4;
    kernels.pack(panels + panelOffset(column, input, k), at, lane, columns, 1);
    column += columns;
  }
}

/**
 * Where numbers first … first + count of a packed weight (columns, k) are not those given, counted
 * in the order of files.
 *
 * @param from address of the numbers
 * @returns -1 where all are the same
 */
export function findDifference(
  heap: Heap,
  panels: number,
  k: number,
  from: number,
  first: number,
  count: number,
): number {
  const numbers = heap.floats(from, count);
  const packed = heap.floats(panels, packedBytes(Math.ceil((first + count) / k), k) / 4);
  for (let at = 0; at < count;) {
    const [column, i] = [Math.floor((first + at) / k), (first + at) % k];
    const inColumn = panelOffset(column, i, k) / 4 + (column % PANEL);
    const length = Math.min(k - i, count - at);
    for (let n = 0; n < length; n++) {
      if (packed[inColumn + n * PANEL] !== numbers[at + n]) return first + at + n;
    }
    at += length;
  }
  return -1;
}
