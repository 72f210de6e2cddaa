import { bytesOf, type Dtype, numberAt } from './numbers.ts';

/** Columns of a panel (assembly/layout/panels.ts); rows of outputs are padded to it. */
export const PANEL = 48;

/** A weight W (rows, k) in panels: row j of W, as PyTorch stores it, is column j of the product. */
export interface PackedWeight {
  /** Address of the panels (⌈rows / 48⌉, k, 48); columns beyond the last are zero. */
  readonly at: number;
  readonly rows: number;
  readonly k: number;
  readonly dtype: Dtype;
}

/** `n` rounded up to whole panels. */
export function padToPanel(n: number): number {
  return Math.ceil(n / PANEL) * PANEL;
}

/** Bytes of a packed weight, in numbers that do not wrap at 4 GiB as a kernel's would. */
export function packedBytes({ rows, k, dtype }: Omit<PackedWeight, 'at'>): number {
  return bytesOf(padToPanel(rows) * k, dtype);
}

/** Index of input `i` of row `row` among the numbers of the panels. */
export function packedIndex({ k }: Pick<PackedWeight, 'k'>, row: number, i: number): number {
  return (Math.floor(row / PANEL) * k + i) * PANEL + (row % PANEL);
}

/** Address of input `i` of the panel that holds row `row`. */
export function panelAt(weight: PackedWeight, row: number, i: number): number {
  return numberAt(weight.at, packedIndex(weight, row - (row % PANEL), i), weight.dtype);
}
