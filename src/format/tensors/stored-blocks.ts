import type { BlockType } from './block-type.ts';

/**
 * The end of `target`, as long as its elements are in a file: to be filled, then dequantised in
 * place.
 *
 * @throws RangeError where the target takes no whole number of blocks
 */
export function storedBlocks(
  target: Float32Array,
  { blockLength, blockBytes, name }: BlockType,
): Uint8Array {
  const { buffer, byteOffset, byteLength, length } = target;
  if (length % blockLength !== 0) {
    const message = `"target" expected whole ${name} blocks of ${blockLength}, got ${length} elements`;
    throw new RangeError(message);
  }
  const stored = (length / blockLength) * blockBytes;
  return new Uint8Array(buffer, byteOffset + byteLength - stored, stored);
}

/**
 * Makes float32 numbers of what lies in {@link storedBlocks}. Blocks of at most 2 bytes an element
 * take half the room of their numbers: those of one end before it begins, unless it is the last,
 * which is copied first.
 *
 * @param dequantize all blocks but the last, in another way than the type's own
 */
export function dequantizeInPlace(
  target: Float32Array,
  type: BlockType,
  dequantize = (_: BlockType, stored: Uint8Array, out: Float32Array) =>
    type.dequantize(stored, out),
): void {
  const { blockLength, blockBytes } = type;
  const blocks = storedBlocks(target, type);
  const last = blocks.slice(-blockBytes);
  dequantize(type, blocks.subarray(0, -blockBytes), target.subarray(0, -blockLength));
  type.dequantize(last, target.subarray(-blockLength));
}
