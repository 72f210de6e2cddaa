import { checkKnown, checkObject, mismatch } from '../base/arguments.ts';
import { TpaError, printable } from '../base/errors.ts';
import {
  besideFile,
  listNames,
  openDirectory,
  openFile,
  splitPath,
} from '../format/files/directory.ts';
import { readHuggingFace } from '../format/hugging-face.ts';
import { readGguf } from '../format/gguf/contents.ts';
import { GGUF_MAGIC, ggufNames, isGgufName } from '../format/files/gguf-name.ts';
import { openGgufSources } from '../format/gguf/open-gguf.ts';
import { ZIP_SIGNATURE } from './torch/archive.ts';
import { readTorch, readTorchShards } from './torch/contents.ts';
import { type ByteSource, readMagic } from '../format/files/byte-source.ts';
import { refuseStandIn } from '../format/files/stand-in.ts';
import { INDEX_FILE, type ModelFiles } from '../format/files/model-files.ts';
import { checkAdapters, type LoraAdapter } from '../lora/adapter-source.ts';
import { type Checkpoint, checkpointOf } from './checkpoint.ts';
import { withAdapters } from './with-adapters.ts';
import type { ModelContents } from '../format/contents.ts';

const TORCH_FILE = 'pytorch_model.bin';
const TORCH_INDEX = 'pytorch_model.bin.index.json';
const NANOGPT_FILE = 'ckpt.pt';
/** What is looked for in a directory, first come first taken. */
const CANDIDATES: readonly string[] = [
  'model.safetensors',
  INDEX_FILE,
  TORCH_FILE,
  TORCH_INDEX,
  NANOGPT_FILE,
];

/** What is done to a checkpoint while it is read. */
export interface CheckpointOptions {
  /**
   * LoRA adapters in PEFT's files, on a disk or in memory, that are added to the weights, default
   * none. What they change becomes F32, or in a GGUF file, where the source has it quantised, Q8_0
   * unless a dtype is given.
   */
  readonly lora?: readonly LoraAdapter[];
}

/**
 * Opens a checkpoint and checks its headers: a `pytorch_model.bin` or its index with config.json
 * beside it, a nanoGPT `ckpt.pt`, a GGUF file, any part of which stands for all, or, to be written as
 * GGUF, a folder that `loadModel` takes. No code in it is run, and no weight is read yet. A GGUF that
 * holds a vocabulary alone gives its tokenizer and no tensors.
 *
 * @param path the file, or the directory of one (Node.js, Deno, Bun)
 * @param options adapters to merge
 * @throws TypeError, RangeError for another kind of path or a bad option; TpaError `MODEL_NOT_FOUND`,
 *   `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH` for an adapter of another model,
 *   `CONFIG_INVALID`, `RESOURCE_LIMIT`, `PATH_ESCAPE`, any `WEIGHTS_*`
 * @example
 * const checkpoint = await openCheckpoint('./llama.gguf');
 * checkpoint.family; // 'LlamaForCausalLM'
 * await checkpoint.close();
 */
export async function openCheckpoint(
  path: string | URL,
  options: CheckpointOptions = {},
): Promise<Checkpoint> {
  if (typeof path !== 'string' && !(path instanceof URL)) {
    throw new TypeError(mismatch('path', 'a path or a file: URL', path));
  }
  checkKnown('an option of openCheckpoint', checkObject('options', options), ['lora']);
  const adapters = checkAdapters('options.lora', options.lora ?? []);
  const { directory, file } = await splitPath(path);
  const files = await openDirectory(directory);
  const gguf = file === undefined ? undefined : besideFile(path, ggufNames(file));
  let source: ByteSource | undefined;
  const opened: ModelFiles[] = [];
  const close = async (): Promise<void> => {
    await source?.close();
    await files.close();
    await gguf?.close();
    await Promise.all(opened.splice(0).map((adapter) => adapter.close()));
  };
  const finish = async (format: Checkpoint['format'], contents: ModelContents) =>
    checkpointOf(format, await withAdapters(contents, adapters, opened), close);
  try {
    source = file === undefined ? await firstOf(files, directory) : await openFile(path);
    // What the bytes say; the name, where they say nothing: a damaged GGUF is no legacy torch file.
    const magic = await readMagic(source);
    const isGguf = magic === GGUF_MAGIC || (magic !== ZIP_SIGNATURE && isGgufName(source.name));
    if (isGguf) {
      const sources = gguf === undefined ? source : await openGgufSources(gguf, gguf.gguf!);
      return await finish('gguf', await readGguf(sources));
    }
    await refuseStandIn(source, 'CHECKPOINT_INVALID');
    if (/\.safetensors(?:\.index\.json)?$/.test(source.name)) {
      return await finish('safetensors', await readHuggingFace(files));
    }
    return await finish('torch', await readTorchFile(source, files));
  } catch (error) {
    await close();
    throw error;
  }
}

function readTorchFile(source: ByteSource, files: ModelFiles): Promise<ModelContents> {
  const isIndex = source.name.endsWith('.index.json');
  return isIndex ? readTorchShards(source, files) : readTorch(source, files);
}

async function firstOf(files: ModelFiles, directory: string): Promise<ByteSource> {
  for (const candidate of CANDIDATES) {
    const source = await files.open(candidate);
    if (source) return source;
  }
  const found = findings((await listNames(directory)) ?? []);
  const message = `the directory "${printable(directory, 400)}" expected one of ${CANDIDATES.join(', ')}, found ${found}`;
  throw new TpaError('MODEL_NOT_FOUND', message, { data: { path: directory } });
}

/** What a directory has instead, and what to do with it. */
function findings(names: readonly string[]): string {
  const gguf = names.find((name) => /\.gguf$/i.test(name));
  if (gguf !== undefined) return `"${printable(gguf)}": pass the path of that file`;
  return 'none: pass the path of a file to convert';
}
