import type { Compute } from '../compute/compute.ts';
import { unpack, unpackBlocks } from '../compute/products.ts';
import { BLOCK_BYTES, blocksOf } from '../layout/blocks.ts';
import { bytesOf, numberAt, padToVector } from '../layout/numbers.ts';
import type { PackedWeight } from '../layout/packed-weight.ts';
import { PAGE_TOKENS, TILE } from '../layout/pages.ts';
import type { Heap } from '../wasm/heap.ts';

/** Columns of a packed weight that are used: what else panels hold is padding. */
export interface Columns {
  readonly first: number;
  readonly count: number;
}

/** Weights of the same shape in the kernels' panels, one or one for each head. */
export interface PackedMatrix {
  readonly panels: readonly PackedWeight[];
  /** The outputs, in this order. */
  readonly columns: readonly Columns[];
}

/** Numbers that pass through wasm memory together, 1 MB, or one row. */
const STAGING_NUMBERS = 1 << 18;

/** Outputs of a packed matrix. */
export function countOutputs({ columns }: PackedMatrix): number {
  return columns.reduce((sum, { count }) => sum + count, 0);
}

/**
 * Outputs from … to of a packed matrix in mathematical form.
 *
 * @returns (panels, inputs, to − from) row-major, a fresh array
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function unpackMatrix(
  compute: Compute,
  matrix: PackedMatrix,
  from = 0,
  to = countOutputs(matrix),
): Float32Array {
  const { heap } = compute;
  const { panels } = matrix;
  const inputs = panels[0]?.k ?? 0;
  const width = to - from;
  const columns = [...cutColumns(matrix.columns, from, to)];
  const out = new Float32Array(panels.length * inputs * width);
  const step = Math.min(inputs, Math.max(1, Math.floor(STAGING_NUMBERS / width)));
  const staging = heap.allocate(bytesOf(step * width));
  const unpackRows = (weight: PackedWeight, row: number, rows: number) => {
    let at = staging;
    for (const { first, count } of columns) {
      unpack(compute, at, weight, first, count, row, rows, width);
      at = numberAt(at, count);
    }
    return heap.floats(staging, rows * width);
  };
  try {
    compute.run(() => {
      for (const [i, weight] of panels.entries()) {
        for (let row = 0; row < inputs; row += step) {
          const rows = Math.min(step, inputs - row);
          out.set(unpackRows(weight, row, rows), (i * inputs + row) * width);
        }
      }
    });
    return out;
  } finally {
    heap.release(staging);
  }
}

/**
 * Outputs from … to of a quantised matrix as they are stored: what layout/blocks.ts says, along the
 * inputs.
 *
 * @returns (panels, to − from, ⌈inputs / 32⌉) blocks, a fresh array
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function readBlocks(
  compute: Compute,
  { panels, columns }: PackedMatrix,
  from: number,
  to: number,
): Uint8Array<ArrayBuffer> {
  const { heap } = compute;
  const perRow = blocksOf(panels[0]?.k ?? 0);
  const rowBytes = perRow * BLOCK_BYTES;
  const out = new Uint8Array(panels.length * (to - from) * rowBytes);
  const step = Math.max(1, Math.floor(bytesOf(STAGING_NUMBERS) / rowBytes));
  const staging = heap.allocate(Math.min(step, to - from) * rowBytes);
  try {
    let at = 0;
    for (const weight of panels) {
      for (const { first, count } of cutColumns(columns, from, to)) {
        for (let row = first; row < first + count; row += step) {
          const rows = Math.min(step, first + count - row);
          compute.run(() => unpackBlocks(compute, weight, staging, row, rows, 0, perRow));
          out.set(heap.bytes(staging, rows * rowBytes), at);
          at += rows * rowBytes;
        }
      }
    }
    return out;
  } finally {
    heap.release(staging);
  }
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
  const row = padToVector(headDim);
  const out = new Float32Array(rank * headDim);
  for (let r = 0; r < rank; r++) {
    out.set(heap.floats(numberAt(at, r * PAGE_TOKENS * row), headDim), r * headDim);
  }
  return out;
}

/** The columns that make outputs from … to. */
function* cutColumns(columns: readonly Columns[], from: number, to: number): Generator<Columns> {
  let at = 0;
  for (const { first, count } of columns) {
    const start = Math.max(from - at, 0);
    const end = Math.min(to - at, count);
    if (start < end) yield { first: first + start, count: end - start };
    at += count;
  }
}
