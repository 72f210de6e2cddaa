import { convertCheckpoint } from '../../../src/convert/converted-files.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
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
  const contents = await readGguf(bytesSource('model.gguf', buildGguf(parts)));
  return checkpointOf('gguf', contents, async () => {});
}

/** The files of a conversion, in memory. */
export async function convertedBytes(
  checkpoint: Checkpoint,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { name, chunks } of await convertCheckpoint(checkpoint)) {
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
