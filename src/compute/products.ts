import { activationBytes } from '../layout/activations.ts';
import type { Rows } from '../layout/numbers.ts';
import {
  type PackedWeight,
  padToPanel,
  PANEL,
  panelAt,
  WEIGHT_DTYPES,
  type WeightDtype,
} from '../layout/packed-weight.ts';
import { COUNT, FIRST } from '../threads/operations.ts';
import type { Compute } from './compute.ts';
import { numbersFrom, rowsFrom } from './moving.ts';

/** Bytes of scratch that {@link matmul} needs where the weight is quantised. */
export function productScratch({ kernels }: Compute): number {
  return kernels.matmulQuantizedScratch();
}

/**
 * out (+)= x Wᵀ, by panels.
 *
 * @param compute where the weight is quantised, has taken {@link productScratch} bytes of scratch and
 * room for the activations
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
  const { at: w, k, rows: columns, dtype } = weight;
  const { at: to, stride: ldo } = out;
  const units = padToPanel(columns) / PANEL;
  const cost = count * k * PANEL;
  if (dtype === 'f32') {
    // prettier-ignore
    compute.split(
      units, cost, 'matmul',
      to, x.at, w, count, k, columns, ldo, x.stride, isAdded, FIRST, COUNT,
    );
    return;
  }
  const codes = quantizeRows(compute, x, count, k);
  // prettier-ignore
  compute.split(
    units, cost, 'matmulQuantized',
    to, codes, w, compute.scratch, count, k, columns, ldo, isAdded, FIRST, COUNT, formatOf(dtype),
  );
}

/** Activations x (count, k) as codes, by rows: once for all ranges of a product. */
function quantizeRows(compute: Compute, x: Rows, count: number, k: number): number {
  const codes = compute.activationsAt(activationBytes(count, k));
  const to = { at: codes, perFirst: activationBytes(1, k) };
  compute.split(count, 4 * k, 'quantizeRows', to, rowsFrom(x), COUNT, k, x.stride);
  return codes;
}

/** out (count, table.k): rows of a table by their ids (count) u32. */
export function embed(
  compute: Compute,
  out: Rows,
  table: PackedWeight,
  ids: number,
  count: number,
) {
  const { at, k, dtype } = table;
  const [to, from] = [rowsFrom(out), numbersFrom(ids)];
  if (dtype === 'f32') {
    compute.split(count, k, 'embed', to, at, from, COUNT, k, out.stride);
  } else {
    const format = formatOf(dtype);
    compute.split(count, k, 'embedQuantized', to, at, from, COUNT, k, out.stride, format);
  }
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

/**
 * Packs blocks (rows, count) as blocks `block … block + count` of rows `first … first + rows` of a
 * quantised weight.
 *
 * @param from address of blocks (layout/blocks.ts)
 */
export function packBlocks(
  { kernels }: Compute,
  { at, k, dtype }: PackedWeight,
  from: number,
  first: number,
  rows: number,
  block: number,
  count: number,
): void {
  kernels.packBlocks(at, from, first, rows, block, count, k, formatOf(dtype));
}

/** The inverse of {@link packBlocks}: those blocks of a weight, written to `to`. */
export function unpackBlocks(
  { kernels }: Compute,
  { at, k, dtype }: PackedWeight,
  to: number,
  first: number,
  rows: number,
  block: number,
  count: number,
): void {
  kernels.unpackBlocks(to, at, first, rows, block, count, k, formatOf(dtype));
}

/** out (count, 32): the numbers of blocks. */
export function dequantizeBlocks(
  { kernels }: Compute,
  out: number,
  blocks: number,
  count: number,
): void {
  kernels.dequantizeBlocks(out, blocks, count);
}

/** out (inputs, count), rows ldo apart: inputs `input …` of rows `first …` of a weight. */
export function unpack(
  { kernels }: Compute,
  out: number,
  { at, k, dtype }: PackedWeight,
  first: number,
  count: number,
  input: number,
  inputs: number,
  ldo: number,
): void {
  if (dtype === 'f32') kernels.unpack(out, at, first, count, input, inputs, k, ldo);
  else kernels.unpackQuantized(out, at, first, count, input, inputs, k, ldo, formatOf(dtype));
}

/** What kernels know the dtype of a weight by. */
function formatOf(dtype: WeightDtype): number {
  return WEIGHT_DTYPES.indexOf(dtype);
}
