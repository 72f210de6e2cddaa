import { printable } from '../../base/printable.ts';
import { invalidCheckpoint } from '../checkpoint-error.ts';
import { BLOCK, dequantizeQ4, dequantizeQ8 } from './dequantize.ts';
import { configOf, generationConfigOf, readRopeTheta } from './config.ts';
import { readGgufHeader } from './header.ts';
import { namesOf, ROPE_FACTORS } from './names.ts';
import { readRopeScaling, recogniseLlama3 } from './rope.ts';
import { FAMILIES, readSizes } from './sizes.ts';
import { readGgufTokenizer } from './tokenizer.ts';
import { CHUNK_BYTES, ChunkBuffers, readChunks } from '../files/read-chunks.ts';
import { readUnpermuted } from './unpermute.ts';
import type { ByteSource } from '../files/byte-source.ts';
import type { CheckpointContents, CheckpointTensor, JsonObject } from '../contents.ts';
import type { GgufHeader, GgufTensor } from './header.ts';
import type { GgufName } from './names.ts';
import type { GgufSizes } from './sizes.ts';

/**
 * Reads a GGUF file of a LLaMA-family model.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `RESOURCE_LIMIT`, `WEIGHTS_TRUNCATED`
 */
export async function readGgufCheckpoint(source: ByteSource): Promise<CheckpointContents> {
  const header = await readGgufHeader(source);
  const { metadata } = header;
  const sizes = readSizes(header);
  const names = namesOf(header, sizes);
  const ropeScaling = await scalingOf(source, header, sizes);
  const generationConfig = generationConfigOf(metadata);
  const { notes, ...tokenizer } = readGgufTokenizer(metadata, sizes.vocabSize);
  return {
    format: 'gguf',
    family: FAMILIES.get(sizes.architecture)!.className,
    config: configOf(header, sizes, ropeScaling),
    tensors: Array.from(names, ([from, name]) =>
      convertedTensor(source, header.tensors.get(from)!, name, sizes.headDim),
    ),
    ...tokenizer,
    ...(generationConfig && { generationConfig }),
    notes,
  };
}

/** From the metadata, or from the divisors that stand for LLaMA 3's. */
async function scalingOf(
  source: ByteSource,
  { metadata, tensors }: GgufHeader,
  { architecture, headDim }: GgufSizes,
): Promise<JsonObject | undefined> {
  const scaling = readRopeScaling(metadata, architecture);
  const factors = tensors.get(ROPE_FACTORS);
  if (!factors) return scaling;
  const isTable = factors.type.name === 'F32' && factors.shape.join() === `${headDim / 2}`;
  if (!isTable || scaling) {
    const found = scaling
      ? 'a second scaling'
      : `${factors.type.name} [${factors.shape.join(', ')}]`;
    throw invalidCheckpoint(`tensor "${ROPE_FACTORS}"`, `F32 [${headDim / 2}] alone`, found);
  }
  const stored = await source.read(factors.offset, factors.byteLength);
  return recogniseLlama3(stored, headDim, readRopeTheta(metadata, architecture));
}

function convertedTensor(
  source: ByteSource,
  { type, shape, offset, byteLength, name: storedName }: GgufTensor,
  { name, permutedHeads }: GgufName,
  headDim: number,
): CheckpointTensor {
  const { dtype, blockLength, blockBytes } = type;
  const columns = shape.length === 1 ? 1 : shape.at(-1)!;
  const isQuantized = blockLength > 1;
  if (isQuantized && shape.length === 1) {
    throw invalidCheckpoint(`tensor "${printable(storedName)}"`, 'floats', type.name);
  }
  const rowBytes = (columns / blockLength) * blockBytes;
  const stored = (): AsyncIterable<Uint8Array> => {
    if (permutedHeads > 0) {
      return readUnpermuted(source, offset, { heads: permutedHeads, headDim, rowBytes });
    }
    const step = isQuantized ? blocksPerChunk(blockBytes) : CHUNK_BYTES;
    return readChunks(source, offset, byteLength, step);
  };
  const values = isQuantized ? (byteLength / blockBytes) * blockLength : 0;
  return {
    name,
    dtype,
    shape,
    storedAs: type.name,
    byteLength: isQuantized ? values * Float32Array.BYTES_PER_ELEMENT : byteLength,
    chunks: isQuantized ? () => dequantized(stored(), type.name, blockBytes) : stored,
  };
}

async function* dequantized(
  stored: AsyncIterable<Uint8Array>,
  type: string,
  blockBytes: number,
): AsyncGenerator<Uint8Array> {
  const step = blocksPerChunk(blockBytes);
  const dequantize = type === 'Q8_0' ? dequantizeQ8 : dequantizeQ4;
  const buffers = new ChunkBuffers(CHUNK_BYTES);
  for await (const piece of stored) {
    for (let at = 0; at < piece.byteLength; at += step) {
      const blocks = piece.subarray(at, at + step);
      const length = (blocks.byteLength / blockBytes) * BLOCK;
      const values = new Float32Array(buffers.take().buffer, 0, length);
      dequantize(blocks, values);
      yield new Uint8Array(values.buffer, 0, values.byteLength);
    }
  }
}

/** Bytes of the blocks that become {@link CHUNK_BYTES} of float32. */
function blocksPerChunk(blockBytes: number): number {
  return (CHUNK_BYTES / (BLOCK * Float32Array.BYTES_PER_ELEMENT)) * blockBytes;
}
