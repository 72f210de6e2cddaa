import { blocksOf } from './blocks.ts';
import { bytesOf, numberAt } from './numbers.ts';

/** Columns of a panel (assembly/layout/panels.ts); rows of outputs are padded to it. */
export const PANEL = 48;

/**
 * How a weight is stored: float32, or codes of 8 or 4 bits in blocks of 32 along k, each with a
 * scale, and with an offset where the word says so and always at 4 bits.
 */
export type WeightDtype = 'f32' | 'q8' | 'q8-offset' | 'q4';

/** The dtypes by the numbers that kernels know them by (assembly/layout/quantized.ts). */
export const WEIGHT_DTYPES: readonly WeightDtype[] = ['f32', 'q8', 'q8-offset', 'q4'];

/**
 * Bytes of a block of a strip of 24 columns, two strips a panel: codes, a float16 scale a column and
 * a float16 offset: 1.0625, 1.125 and 0.625 bytes a number.
 */
const STRIP_BLOCK_BYTES = { q8: 768 + 48, 'q8-offset': 768 + 96, q4: 384 + 96 } as const;

/** A weight W (rows, k) in panels: row j of W, as PyTorch stores it, is column j of the product. */
export interface PackedWeight {
  /**
   * Address of the panels: float32 (⌈rows / 48⌉, k, 48); quantised (⌈rows / 48⌉, 2 strips,
   * ⌈k / 32⌉ blocks). Columns beyond the last are zero.
   */
  readonly at: number;
  readonly rows: number;
  readonly k: number;
  readonly dtype: WeightDtype;
}

/** `n` rounded up to whole panels. */
export function padToPanel(n: number): number {
  return Math.ceil(n / PANEL) * PANEL;
}

/** Bytes of a packed weight, in numbers that do not wrap at 4 GiB as a kernel's would. */
export function packedBytes({ rows, k, dtype }: Omit<PackedWeight, 'at'>): number {
  if (dtype === 'f32') return bytesOf(padToPanel(rows) * k);
  return (padToPanel(rows) / PANEL) * 2 * blocksOf(k) * STRIP_BLOCK_BYTES[dtype];
}

/** Index of input `i` of row `row` among the numbers of float32 panels. */
export function packedIndex({ k }: Pick<PackedWeight, 'k'>, row: number, i: number): number {
  return (Math.floor(row / PANEL) * k + i) * PANEL + (row % PANEL);
}

/** Address of input `i` of the float32 panel that holds row `row`. */
export function panelAt(weight: PackedWeight, row: number, i: number): number {
  return numberAt(weight.at, packedIndex(weight, row - (row % PANEL), i));
}
