import { printable, TpaError } from '../../base/errors.ts';
import type { ModelContents } from '../contents.ts';
import { invalidCheckpoint } from '../errors.ts';
import type { ByteSource } from '../files/byte-source.ts';
import type { ModelFiles } from '../files/model-files.ts';
import { readGguf } from './contents.ts';

/**
 * The model in GGUF files, of which none may be missing.
 *
 * @param names whole, or all its parts
 * @throws TpaError `MODEL_NOT_FOUND` naming the file that is missing; `CHECKPOINT_INVALID` for a
 *   vocabulary without a model; what `readGguf` throws
 */
export async function openGguf(
  files: ModelFiles,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<ModelContents> {
  const sources = await openGgufSources(files, names);
  const contents = await readGguf(sources, signal);
  if (contents.tensors.entries.size > 0) return contents;
  throw vocabularyAlone(sources[0]!.name);
}

/** All of some files. @throws TpaError `MODEL_NOT_FOUND` naming the first that is missing */
export async function openGgufSources(
  files: ModelFiles,
  names: readonly string[],
): Promise<readonly ByteSource[]> {
  const sources: ByteSource[] = [];
  for (const name of names) {
    const source = await files.open(name);
    if (source === undefined) throw missing(files, name, names.length);
    sources.push(source);
  }
  return sources;
}

/** The error of a file that holds nothing to compute with. */
export function vocabularyAlone(file: string): TpaError {
  const found = 'a vocabulary alone: pass the file of the model itself';
  return invalidCheckpoint(`the GGUF file "${printable(file)}"`, 'weights', found);
}

function missing({ name }: ModelFiles, file: string, parts: number): TpaError {
  const what = parts > 1 ? `file "${printable(file)}", one of ${parts} parts,` : `file`;
  const message = `there is no ${what} at "${printable(name, 400)}": check the path or the address, or download the file first`;
  return new TpaError('MODEL_NOT_FOUND', message, { data: { path: name, file: printable(file) } });
}
