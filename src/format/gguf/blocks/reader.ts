import type { BlockType } from '../../tensors/block-type.ts';

/** Makes float32 of the block that begins at byte `at`, as elements `to …` of `out`. */
export type ReadBlock = (blocks: Uint8Array, at: number, out: Float32Array, to: number) => void;

/** A type whose blocks are read one after the other. */
export function blockType(
  name: string,
  blockLength: number,
  blockBytes: number,
  readBlock: ReadBlock,
  packed?: BlockType['packed'],
): BlockType {
  return {
    name,
    blockLength,
    blockBytes,
    ...(packed && { packed }),
    dequantize(blocks, out) {
      for (let at = 0, to = 0; at < blocks.byteLength; at += blockBytes, to += blockLength) {
        readBlock(blocks, at, out, to);
      }
    },
  };
}
