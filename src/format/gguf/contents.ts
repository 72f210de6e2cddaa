import { printable } from '../../base/errors.ts';
import { invalidCheckpoint } from '../errors.ts';
import { configOf, generationConfigOf, readRopeTheta } from './config.ts';
import { KEPT_CONFIG, KEPT_GENERATION, keptObject } from './own/kept.ts';
import type { GgufHeader, GgufTensor } from './header.ts';
import type { GgufMetadata } from './metadata.ts';
import { type GgufName, LONG_FACTORS, namesOf, ROPE_FACTORS, SHORT_FACTORS } from './names.ts';
import { readGgufParts } from './parts.ts';
import { readRopeScaling, recogniseLlama3 } from './rope.ts';
import { type GgufSizes, readSizes } from './sizes.ts';
import { readT6, T6_ARCHITECTURE } from './own/t6.ts';
import { readGgufTokenizer } from './tokenizer.ts';
import { widenToFloat32 } from '../tensors/half.ts';
import { type LocatedTensor, READABLE, tensorSet } from '../tensors/tensors.ts';
import { blocksOfType } from './types.ts';
import { unpermuted } from './unpermuted.ts';
import { type ByteSource, peek } from '../files/byte-source.ts';
import type { ModelContents } from '../contents.ts';
import type { JsonObject } from '../files/json.ts';

/** What the header says of a model. */
interface GgufModel {
  readonly config: JsonObject;
  readonly names: ReadonlyMap<string, GgufName>;
  readonly headDim: number;
  /** Rows of the embedding. */
  readonly vocabSize: number;
}

/**
 * A LLaMA-family model or a T6 in a GGUF file, in the names and layout of Hugging Face or of the T6
 * code. A vocabulary without a model has neither a configuration nor tensors.
 *
 * @param source the file, or the parts of one in any order
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `RESOURCE_LIMIT`, `WEIGHTS_TRUNCATED`,
 *   `ABORTED`
 */
export async function readGguf(
  source: ByteSource | readonly ByteSource[],
  signal?: AbortSignal,
): Promise<ModelContents> {
  const header = await readGgufParts('name' in source ? [source] : source);
  const { metadata, tensors } = header;
  if (tensors.size === 0) return vocabularyContents(metadata);
  const isT6 = metadata.text('general.architecture') === T6_ARCHITECTURE;
  const kept = keptObject(metadata, KEPT_CONFIG);
  const { config, names, headDim, vocabSize } = isT6
    ? readT6(header)
    : await readLlama(header, kept);
  const generationConfig = keptObject(metadata, KEPT_GENERATION) ?? generationConfigOf(metadata);
  const located = [...tensors.values()].flatMap((tensor) => {
    const name = names.get(tensor.name);
    return name ? [locate(tensor, name, headDim)] : [];
  });
  return {
    config: kept ?? config,
    tensors: tensorSet(new Map(located.map((tensor) => [tensor.entry.name, tensor])), signal),
    notes: [],
    text: async (parse) => ({
      ...readGgufTokenizer(metadata, vocabSize, parse),
      ...(generationConfig && { generationConfig }),
    }),
  };
}

function vocabularyContents(metadata: GgufMetadata): ModelContents {
  return {
    config: {},
    tensors: tensorSet(new Map()),
    notes: ['the file holds a vocabulary without a model'],
    text: async (parse) => readGgufTokenizer(metadata, Infinity, parse),
  };
}

/** The configuration that the file keeps whole, or what its metadata say in its place. */
async function readLlama(header: GgufHeader, kept: JsonObject | undefined): Promise<GgufModel> {
  const sizes = readSizes(header);
  const names = namesOf(header, sizes);
  const { headDim, vocabSize } = sizes;
  const config = kept ?? configOf(header, sizes, await scalingOf(header, sizes));
  return { config, names, headDim, vocabSize };
}

/** From the metadata, or from the tables of divisors that stand for LLaMA 3's and are LongRoPE's. */
async function scalingOf(
  { metadata, tensors }: GgufHeader,
  { architecture, headDim }: GgufSizes,
): Promise<JsonObject | undefined> {
  const read = async (name: string): Promise<Float32Array | undefined> => {
    const table = tensors.get(name);
    if (!table) return undefined;
    const { source, type, shape, offset, byteLength } = table;
    const found = `${type.name} [${shape.join(', ')}]`;
    const expected = `F32 [${headDim / 2}]`;
    if (found !== expected) throw invalidCheckpoint(`tensor "${name}"`, expected, found);
    return widenToFloat32(await peek(source, offset, byteLength), 'F32');
  };
  const [short, long] = [await read(SHORT_FACTORS), await read(LONG_FACTORS)];
  const scaling = readRopeScaling(metadata, architecture, { short, long });
  const divisors = await read(ROPE_FACTORS);
  if (!divisors) return scaling;
  if (scaling) throw invalidCheckpoint(`tensor "${ROPE_FACTORS}"`, 'the only scaling', 'another');
  return recogniseLlama3(divisors, headDim, readRopeTheta(metadata, architecture));
}

function locate(
  { source, type, shape, offset, byteLength, name: storedName }: GgufTensor,
  { name, isPermuted }: GgufName,
  headDim: number,
): LocatedTensor {
  const { name: dtype, blockLength, blockBytes } = type;
  if (blockLength > 1 && shape.length === 1) {
    throw invalidCheckpoint(`tensor "${printable(storedName)}"`, `a vector in ${READABLE}`, dtype);
  }
  const blockType = blocksOfType(type);
  const entry = { name, dtype, shape, offset, byteLength, ...(blockType && { blockType }) };
  if (!isPermuted) return { source, entry };
  const columns = shape.length === 1 ? 1 : shape.at(-1)!;
  const rowBytes = (columns / blockLength) * blockBytes;
  return { source: unpermuted(source, { offset, headDim, rowBytes }), entry };
}
