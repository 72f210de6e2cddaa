import type { Compute } from '../compute/compute.ts';
import { unpackBlocks } from '../compute/products.ts';
import { float16At } from '../format/tensors/half.ts';
import { BLOCK, BLOCK_BYTES, blocksOf } from '../layout/blocks.ts';
import type { PackedWeight } from '../layout/packed-weight.ts';
import { type Columns, countOutputs, cutColumns } from './unpack.ts';

/** The codes of a quantised matrix, out of the kernels' panels. */
export interface MatrixCodes {
  readonly bits: 4 | 8;
  /** Whether any number has an offset besides scale · (code − 2^(bits − 1)). */
  readonly hasOffsets: boolean;
  /**
   * The codes, in fresh arrays.
   *
   * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
   */
  read(): CodeArrays;
}

/** Number (i, j) of a matrix (inputs, outputs) is scale · (code − 2^(bits − 1)) + offset. */
export interface CodeArrays {
  /** (outputs, inputs / 32, 4 · bits bytes); of two codes of 4 bits the lower half is the first */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** (outputs, inputs / 32) */
  readonly scales: Float32Array<ArrayBuffer>;
  /** (inputs / 32, outputs) */
  readonly offsets: Float32Array<ArrayBuffer>;
}

/** Blocks that pass through wasm memory together, 1 MB, or one row. */
const STAGING_BLOCKS = Math.floor(2 ** 20 / BLOCK_BYTES);

/**
 * The codes of outputs from … to of a matrix; none of one in float32, and none whose inputs do not
 * fill their blocks.
 */
export function matrixCodes(
  compute: Compute,
  weight: PackedWeight,
  columns: readonly Columns[],
  from = 0,
  to = countOutputs({ columns }),
): MatrixCodes | undefined {
  if (weight.dtype === 'f32' || weight.k % BLOCK !== 0) return undefined;
  const bits = weight.dtype === 'q4' ? 4 : 8;
  const cut = [...cutColumns(columns, from, to)];
  const findOffset = () => {
    for (const { bytes, at } of eachBlock(compute, weight, cut)) {
      if (offsetOf(bytes, at, bits) !== 0) return true;
    }
    return false;
  };
  let hasOffsets: boolean | undefined;
  return {
    bits,
    get hasOffsets() {
      return (hasOffsets ??= findOffset());
    },
    read() {
      const [blocks, outputs] = [blocksOf(weight.k), to - from];
      const codes = new Uint8Array(outputs * blocks * 4 * bits);
      const scales = new Float32Array(outputs * blocks);
      const offsets = new Float32Array(outputs * blocks);
      let i = 0;
      for (const { bytes, at } of eachBlock(compute, weight, cut)) {
        writeCodes(codes, i * 4 * bits, bytes, at, bits);
        scales[i] = float16At(bytes, at + BLOCK);
        offsets[(i % blocks) * outputs + Math.floor(i / blocks)] = offsetOf(bytes, at, bits);
        i++;
      }
      return { codes, scales, offsets };
    },
  };
}

/** The blocks of a weight, output by output: each in bytes that are valid until the next. */
function* eachBlock(
  compute: Compute,
  weight: PackedWeight,
  columns: readonly Columns[],
): Generator<{ readonly bytes: Uint8Array; readonly at: number }> {
  const blocks = blocksOf(weight.k);
  const rows = Math.max(1, Math.floor(STAGING_BLOCKS / blocks));
  const { heap } = compute;
  const staging = heap.allocate(rows * blocks * BLOCK_BYTES);
  try {
    for (const { first, count } of columns) {
      for (let row = 0; row < count; row += rows) {
        const some = Math.min(rows, count - row);
        compute.run(() => unpackBlocks(compute, weight, staging, first + row, some, 0, blocks));
        const bytes = heap.bytes(staging, some * blocks * BLOCK_BYTES);
        for (let at = 0; at < bytes.length; at += BLOCK_BYTES) yield { bytes, at };
      }
    }
  } finally {
    heap.release(staging);
  }
}

function writeCodes(out: Uint8Array, to: number, bytes: Uint8Array, at: number, bits: 4 | 8): void {
  for (let i = 0; i < BLOCK; i++) {
    if (bits === 8) out[to + i] = bytes[at + i]! ^ 0x80;
    else out[to + (i >> 1)]! |= bytes[at + i]! << (4 * (i & 1));
  }
}

/** What a block adds to scale · (code − 2^(bits − 1)). */
function offsetOf(bytes: Uint8Array, at: number, bits: 4 | 8): number {
  const offset = float16At(bytes, at + BLOCK + 2);
  // codes of 4 bits begin at 0, those of 8 bits are around it
  return bits === 4 ? offset + 8 * float16At(bytes, at + BLOCK) : offset;
}
