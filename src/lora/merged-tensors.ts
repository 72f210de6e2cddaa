import type { BlockType } from '../format/tensors/block-type.ts';
import type { TensorEntry } from '../format/tensors/safetensors.ts';
import { readFloats, type TensorSet } from '../format/tensors/tensors.ts';

/** A product of two factors that is added to a matrix. */
export interface LowRank {
  readonly rank: number;
  /** What the product is multiplied by. */
  readonly factor: number;
  /** (rows, rank) */
  readonly rows: Float32Array;
  /** (rank, columns) */
  readonly columns: Float32Array;
}

/** How a tensor was stored before anything was added to it. */
export interface StoredBefore {
  readonly dtype: string;
  /** Without `packed`: no layout keeps the codes of what has changed. */
  readonly blockType?: BlockType;
}

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;
/** Ranks whose rows are added in one pass over the sums: each pass reads and writes them once. */
const AT_ONCE = 4;

/**
 * How the tensors of a model are stored, for the choice of their layouts.
 *
 * @param changes names of those that something is added to
 */
export function storedBefore(
  entries: TensorSet['entries'],
  changes: ReadonlySet<string>,
): ReadonlyMap<string, StoredBefore> {
  const stored = new Map<string, StoredBefore>(entries);
  for (const name of changes) {
    const { dtype, blockType } = entries.get(name)!;
    if (blockType === undefined) continue;
    const { packed: _codes, ...numbers } = blockType;
    stored.set(name, { dtype, blockType: numbers });
  }
  return stored;
}

/**
 * Adds products to matrices while they are read, a piece at a time: rows of a piece need only their
 * own rows of the first factor, so that nothing but the factors is kept. What is changed is float32
 * then. Each number is summed in float64 and rounded once: W + Σ factor · (B · A). 1 MB of float32 takes
 * 6 ms at rank 8 on a busy core.
 *
 * @param products by the names of tensors; several add up
 */
export function mergedTensors(
  tensors: TensorSet,
  products: ReadonlyMap<string, readonly LowRank[]>,
): TensorSet {
  const merged = (entry: TensorEntry): TensorEntry => {
    const { name, offset, shape } = entry;
    const byteLength = shape.reduce((product, size) => product * size, FLOAT_BYTES);
    return products.has(name) ? { name, dtype: 'F32', shape, offset, byteLength } : entry;
  };
  const entries = new Map(Array.from(tensors.entries, ([name, entry]) => [name, merged(entry)]));
  return {
    entries,
    async readStored(name, offset, target) {
      const added = products.get(name);
      if (added === undefined) return tensors.readStored(name, offset, target);
      const { buffer, byteOffset, byteLength } = target;
      const numbers = new Float32Array(buffer, byteOffset, byteLength / FLOAT_BYTES);
      const first = offset / FLOAT_BYTES;
      // whoever reads the sums looks at them: what is no number stays none
      await readFloats(tensors, name, first, numbers, { areFinite: () => true });
      addProducts(numbers, first, entries.get(name)!.shape[1]!, added);
    },
  };
}

/** Adds products to numbers first … of a matrix with rows of `width`. */
function addProducts(
  numbers: Float32Array,
  first: number,
  width: number,
  products: readonly LowRank[],
): void {
  const room = Math.min(width, numbers.length);
  const [sums, product] = [new Float64Array(room), new Float64Array(room)];
  for (let done = 0; done < numbers.length;) {
    const [row, column] = [Math.floor((first + done) / width), (first + done) % width];
    const length = Math.min(width - column, numbers.length - done);
    sums.fill(0);
    for (const lowRank of products) {
      product.fill(0);
      addRow(product, length, lowRank, row, column, width);
      for (let i = 0; i < length; i++) sums[i]! += lowRank.factor * product[i]!;
    }
    for (let i = 0; i < length; i++) numbers[done + i]! += sums[i]!;
    done += length;
  }
}

/** Adds a row of a product, from a column on: the ranks in their order, a few in one pass. */
function addRow(
  sums: Float64Array,
  length: number,
  { rank, rows, columns }: LowRank,
  row: number,
  column: number,
  width: number,
): void {
  const at = row * rank;
  let r = 0;
  for (; r + AT_ONCE <= rank; r += AT_ONCE) {
    const [b0, b1] = [rows[at + r]!, rows[at + r + 1]!];
    const [b2, b3] = [rows[at + r + 2]!, rows[at + r + 3]!];
    const a0 = r * width + column;
    const [a1, a2, a3] = [a0 + width, a0 + 2 * width, a0 + 3 * width];
    for (let i = 0; i < length; i++) {
      const two = sums[i]! + b0 * columns[a0 + i]! + b1 * columns[a1 + i]!;
      sums[i] = two + b2 * columns[a2 + i]! + b3 * columns[a3 + i]!;
    }
  }
  for (; r < rank; r++) {
    const b = rows[at + r]!;
    const a = r * width + column;
    for (let i = 0; i < length; i++) sums[i]! += b * columns[a + i]!;
  }
}
