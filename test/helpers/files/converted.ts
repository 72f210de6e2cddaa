import { convertCheckpoint, type ConvertOptions } from '../../../src/convert/converted-files.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { type ModelBytes, openBytes } from '../../../src/format/files/bytes-at-hand.ts';
import { readHuggingFace } from '../../../src/format/hugging-face.ts';
import { readSafetensorsHeader } from '../../../src/format/tensors/safetensors.ts';
import { bytesOf } from './bytes.ts';
import { buildGguf, type GgufParts } from './build-gguf.ts';
import { type Checkpoint, checkpointOf } from '../../../src/convert/checkpoint.ts';
import { readGguf } from '../../../src/format/gguf/contents.ts';
import type { ModelContents } from '../../../src/format/contents.ts';

/** A checkpoint of PyTorch whose files need no closing. */
export async function torchCheckpoint(contents: Promise<ModelContents>): Promise<Checkpoint> {
  return checkpointOf('torch', await contents, async () => {});
}

/** A GGUF file in memory, opened. */
export async function ggufCheckpoint(parts: GgufParts): Promise<Checkpoint> {
  return openedGguf(buildGguf(parts));
}

/** The same of a file that is written already. */
export async function openedGguf(bytes: Uint8Array): Promise<Checkpoint> {
  return checkpointOf('gguf', await readGguf(bytesSource('model.gguf', bytes)), async () => {});
}

/** A model in the files of Hugging Face, opened to be written as GGUF. */
export async function folderCheckpoint(source: ModelBytes): Promise<Checkpoint> {
  return checkpointOf('safetensors', await readHuggingFace(openBytes(source)), async () => {});
}

/** A model in memory, from the files of a conversion. */
export function bytesOfFiles(files: ReadonlyMap<string, Uint8Array>): ModelBytes {
  const file = (name: string) => files.get(name);
  const optional = {
    tokenizer: file('tokenizer.json'),
    tokenizerConfig: file('tokenizer_config.json'),
    generationConfig: file('generation_config.json'),
  };
  const present = Object.entries(optional).filter(([, bytes]) => bytes !== undefined);
  return {
    config: file('config.json')!,
    weights: file('model.safetensors')!,
    ...Object.fromEntries(present),
  };
}

/** The files of a conversion, in memory. */
export async function convertedBytes(
  checkpoint: Checkpoint,
  options: ConvertOptions = {},
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { name, chunks } of await convertCheckpoint(checkpoint, options)) {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks()) parts.push(chunk.slice());
    files.set(name, bytesOf(...parts));
  }
  return files;
}

/** A tensor's type, shape and bytes. */
export interface TensorBytes {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: readonly number[];
}

/** The tensors of a safetensors file, in its order, as our own reader finds them. */
export async function tensorBytes(file: Uint8Array): Promise<ReadonlyMap<string, TensorBytes>> {
  const entries = await readSafetensorsHeader(bytesSource('model.safetensors', file));
  return new Map(
    Array.from(entries.values(), ({ name, dtype, shape, offset, byteLength }) => [
      name,
      { dtype, shape, bytes: [...file.subarray(offset, offset + byteLength)] },
    ]),
  );
}
