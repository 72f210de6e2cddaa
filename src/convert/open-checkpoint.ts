import { TpaError } from '../base/errors.ts';
import { openDirectory, openFile, splitPath } from '../format/files/directory.ts';
import { printable } from '../base/printable.ts';
import { readGgufCheckpoint } from '../format/gguf/contents.ts';
import { GGUF_MAGIC } from '../format/gguf/header.ts';
import { readTorchCheckpoint, readTorchShards } from './torch/contents.ts';
import type { ByteSource } from '../format/files/byte-source.ts';
import type { ModelFiles } from '../format/files/model-files.ts';
import type { Checkpoint, CheckpointContents } from '../format/contents.ts';

const TORCH_FILE = 'pytorch_model.bin';
const TORCH_INDEX = 'pytorch_model.bin.index.json';
const NANOGPT_FILE = 'ckpt.pt';
/** What is looked for in a directory, first come first taken. */
const CANDIDATES: readonly string[] = [TORCH_FILE, TORCH_INDEX, NANOGPT_FILE];

/**
 * Opens a checkpoint in a foreign format and checks its headers: a `pytorch_model.bin` or its index
 * with config.json beside it, a nanoGPT `ckpt.pt`, or a GGUF file of a LLaMA-family model. No code
 * in it is run, and no weight is read yet.
 *
 * @param path the file, or the directory of a PyTorch checkpoint (Node.js, Deno, Bun)
 * @throws TpaError `MODEL_NOT_FOUND`, `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `CONFIG_INVALID`,
 *   `RESOURCE_LIMIT`, `PATH_ESCAPE`, any `WEIGHTS_*`
 * @example
 * const checkpoint = await openCheckpoint('./llama.gguf');
 * checkpoint.family; // 'LlamaForCausalLM'
 * await checkpoint.close();
 */
export async function openCheckpoint(path: string | URL): Promise<Checkpoint> {
  const { directory, file } = await splitPath(path);
  const files = await openDirectory(directory);
  let source: ByteSource | undefined;
  const close = async (): Promise<void> => {
    await source?.close();
    await files.close();
  };
  try {
    source = file === undefined ? await firstOf(files) : await openFile(path);
    return { ...(await readCheckpoint(source, files)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the bytes say: a file's name proves nothing. */
async function readCheckpoint(source: ByteSource, files: ModelFiles): Promise<CheckpointContents> {
  if (source.name.endsWith('.index.json')) return readTorchShards(source, files);
  const start = await source.read(0, Math.min(4, source.size));
  const isGguf =
    start.length === 4 &&
    new DataView(start.buffer, start.byteOffset).getUint32(0, true) === GGUF_MAGIC;
  return isGguf ? readGgufCheckpoint(source) : readTorchCheckpoint(source, files);
}

async function firstOf(files: ModelFiles): Promise<ByteSource> {
  for (const candidate of CANDIDATES) {
    const source = await files.open(candidate);
    if (source) return source;
  }
  const name = printable(files.name, 400);
  const message = `checkpoint in "${name}" expected ${CANDIDATES.join(', ')} or the path of a .gguf file, found none`;
  throw new TpaError('MODEL_NOT_FOUND', message, { data: { path: files.name } });
}
