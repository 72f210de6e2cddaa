import { numberAt, rowAt, type Rows } from '../layout/numbers.ts';
import { type PackedWeight, padToPanel, PANEL, panelAt } from '../layout/packed-weight.ts';
import type { Compute } from './compute.ts';

/**
 * out (+)= x Wᵀ, by panels.
 *
 * @param out (count, weight.rows in whole panels)
 * @param x (count, weight.k)
 */
export function matmul(
  compute: Compute,
  out: Rows,
  x: Rows,
  weight: PackedWeight,
  count: number,
  isAdded = false,
): void {
  const { at: w, k, rows: columns } = weight;
  const { at: to, stride: ldo } = out;
  compute.split(padToPanel(columns) / PANEL, ({ kernels }, first, panels) => {
    kernels.matmul(to, x.at, w, count, k, columns, ldo, x.stride, isAdded, first, panels);
  });
}

/** out (count, table.k): rows of a table by their ids (count) u32. */
export function embed(
  compute: Compute,
  out: Rows,
  table: PackedWeight,
  ids: number,
  count: number,
) {
  compute.split(count, ({ kernels }, first, some) => {
    const from = numberAt(ids, first);
    kernels.embed(rowAt(out, first), table.at, from, some, table.k, out.stride);
  });
}

/** Packs whole rows `first …` of a weight from `from` (rows, k) into its zeroed panels. */
export function packRows(
  { kernels }: Compute,
  weight: PackedWeight,
  from: number,
  first: number,
  rows: number,
): void {
  kernels.pack(weight.at, from, first, rows, weight.k);
}

/**
 * Packs numbers `from` (rows, inputs) as inputs `input …` of rows `first …`: a part of one row, or
 * one input of rows that share a panel.
 */
export function packPart(
  { kernels }: Compute,
  weight: PackedWeight,
  from: number,
  first: number,
  rows: number,
  input: number,
  inputs: number,
): void {
  // a weight of fewer inputs that begins at this one
  kernels.pack(panelAt(weight, first, input), from, first % PANEL, rows, inputs);
}

/** out (inputs, count), rows ldo apart: inputs `input …` of rows `first …` of a weight. */
export function unpack(
  { kernels }: Compute,
  out: number,
  weight: PackedWeight,
  first: number,
  count: number,
  input: number,
  inputs: number,
  ldo: number,
): void {
  kernels.unpack(out, weight.at, first, count, input, inputs, weight.k, ldo);
}
