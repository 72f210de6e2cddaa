import { float16At } from '../../format/tensors/half.ts';
import { BLOCK, BLOCK_BYTES } from '../../layout/blocks.ts';
import type { NamedMatrix } from '../../weights/named-matrix.ts';

/** How a quantised matrix is multiplied with as codes. */
export interface CodeSpec {
  readonly bits: 4 | 8;
  /** Whether a number has an offset besides scale · (code − 2^(bits − 1)). */
  readonly hasOffsets: boolean;
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

/**
 * How a matrix is multiplied with as codes; undefined of one in float32, of one for each head, and of
 * one whose inputs do not fill their blocks. Blocks of 4 bits are read, to see whether all offsets are
 * those of codes around 8.
 *
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function codeSpecOf(matrix: NamedMatrix): CodeSpec | undefined {
  if (!hasCodes(matrix)) return undefined;
  const bits = bitsOf(matrix);
  if (bits === 8) return { bits, hasOffsets: matrix.dtype === 'q8-offset' };
  const blocks = matrix.readBlocks!();
  for (let at = 0; at < blocks.length; at += BLOCK_BYTES) {
    if (offsetOf(blocks, at, bits) !== 0) return { bits, hasOffsets: true };
  }
  return { bits, hasOffsets: false };
}

/** Whether {@link codeSpecOf} has something to say of a matrix. */
export function hasCodes({ dtype, dims }: NamedMatrix): boolean {
  return dtype !== 'f32' && dims.length === 2 && dims[0]! % BLOCK === 0;
}

/**
 * The codes of a matrix that has them, in fresh arrays.
 *
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function readCodes(matrix: NamedMatrix): CodeArrays {
  const bits = bitsOf(matrix);
  const [inputs, outputs] = matrix.dims as readonly [number, number];
  const perOutput = inputs / BLOCK;
  const blocks = matrix.readBlocks!();
  const count = blocks.length / BLOCK_BYTES;
  const codes = new Uint8Array(count * 4 * bits);
  const scales = new Float32Array(count);
  const offsets = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const at = i * BLOCK_BYTES;
    writeCodes(codes, i * 4 * bits, blocks, at, bits);
    scales[i] = float16At(blocks, at + BLOCK);
    const [output, block] = [Math.floor(i / perOutput), i % perOutput];
    offsets[block * outputs + output] = offsetOf(blocks, at, bits);
  }
  return { codes, scales, offsets };
}

function bitsOf({ dtype }: NamedMatrix): 4 | 8 {
  return dtype === 'q4' ? 4 : 8;
}

function writeCodes(
  out: Uint8Array,
  to: number,
  blocks: Uint8Array,
  at: number,
  bits: 4 | 8,
): void {
  for (let i = 0; i < BLOCK; i++) {
    if (bits === 8) out[to + i] = blocks[at + i]! ^ 0x80;
    else out[to + (i >> 1)]! |= blocks[at + i]! << (4 * (i & 1));
  }
}

/** What a block adds to scale · (code − 2^(bits − 1)): codes of 4 bits begin at 0, those of 8 lie around it. */
function offsetOf(blocks: Uint8Array, at: number, bits: 4 | 8): number {
  const offset = float16At(blocks, at + BLOCK + 2);
  return bits === 4 ? offset + 8 * float16At(blocks, at + BLOCK) : offset;
}
