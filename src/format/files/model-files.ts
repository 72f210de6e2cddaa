import { TpaError, printable } from '../../base/errors.ts';
import { type ByteSource, readAll } from './byte-source.ts';

/** The files of one model, by their bare names. */
export interface ModelFiles {
  /** The path or address the caller gave, for messages. */
  readonly name: string;
  /** The GGUF files that hold the whole model; undefined for files of Hugging Face. */
  readonly gguf?: readonly string[] | undefined;
  /**
   * The file, undefined where there is none.
   *
   * @throws TpaError `PATH_ESCAPE` where `file` is no bare name or leads out of the model
   */
  open(file: string): Promise<ByteSource | undefined>;
  /** Closes every file that was opened; idempotent. */
  close(): Promise<void>;
}

/** Names the shards. */
export const INDEX_FILE = 'model.safetensors.index.json';
/** A file of weights. */
export const SHARD_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,240}\.safetensors$/;

/** Files that stand for the whole directory they are in: no weights are chosen by their names. */
export const OF_DIRECTORY =
  /^(?:(?:adapter_)?config\.json|(?:adapter_model|model(?:-\d{5}-of-\d{5})?)\.safetensors|model\.safetensors\.index\.json)$/;
/** A GGUF is named by the caller, so that its name may have any letter. */
const GGUF_NAME = /^[^/\\]+\.gguf$/i;

/** The files of a model that are no weights. */
const OTHER_FILES =
  /^(?:(?:config|generation_config|tokenizer|tokenizer_config)\.json|chat_template\.jinja)$/;

/** Whether a model can have a file of this name. */
export function isModelFile(file: string): boolean {
  return isWeightsFile(file) || file === INDEX_FILE || OTHER_FILES.test(file);
}

/** Whether a file of a model holds weights. */
export function isWeightsFile(file: string): boolean {
  return SHARD_NAME.test(file) || GGUF_NAME.test(file);
}

/** Larger than any published tokenizer.json (17 MB), the largest file of a model that is no weights. */
export const MAX_TOKENIZER_BYTES = 64 * 2 ** 20;

/** No separator, escape, drive or stream in any system's path syntax, and no leading dot. */
const BARE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

/**
 * Checks that a file name cannot lead out of its directory.
 *
 * @throws TpaError `PATH_ESCAPE`
 */
export function checkBareName(file: string): void {
  if (BARE_NAME.test(file)) return;
  throw new TpaError('PATH_ESCAPE', `"${printable(file)}" is not the bare name of a model file`);
}

/**
 * A whole file of a model.
 *
 * @throws TpaError `MODEL_NOT_FOUND` where it is missing, `RESOURCE_LIMIT` where it is longer than
 *   `maxBytes`
 */
export async function readModelFile(
  files: ModelFiles,
  file: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const source = await files.open(file);
  if (!source) throw missingFile(files, file, await hintFor(files));
  return readAll(source, maxBytes);
}

/** Directories are looked through when they are opened; of an address nothing is known before. */
async function hintFor({ name }: ModelFiles): Promise<string> {
  if (!/^https?:/i.test(name)) return '';
  const { sourceHint } = await import('./source-hint.ts');
  return sourceHint(printable(name, 400));
}

/** The error of a file that a model lacks; `hint` goes on from its message. */
export function missingFile(files: ModelFiles, file: string, hint = ''): TpaError {
  const data = { path: files.name, file };
  const message = `there is no file "${printable(file)}" in the model "${printable(files.name, 400)}"${hint}`;
  return new TpaError('MODEL_NOT_FOUND', message, { data });
}
