import { TpaError, printable } from '../../base/errors.ts';
import { readMagic } from './byte-source.ts';
import {
  besideFile,
  listNames,
  openDirectory,
  openFile,
  refuseForeign,
  splitPath,
} from './directory.ts';
import { GGUF_MAGIC, ggufNames, isGgufName } from './gguf-name.ts';
import { type ModelFiles, OF_DIRECTORY } from './model-files.ts';
import { sourceHint } from './source-hint.ts';
import { standIn } from './stand-in.ts';

/** Names that an error lists at most. */
const MAX_LISTED = 16;

/**
 * The model that a path leads to: a GGUF file, known by its bytes or its name, with the other parts
 * of it beside it; a directory; or the directory of one of its files.
 *
 * @throws TpaError `MODEL_NOT_FOUND` for what is no model, or several
 */
export async function openLocal(path: string | URL): Promise<ModelFiles> {
  // What is not there, or may not be read, is the error of a directory.
  const place = await splitPath(path).catch(() => undefined);
  if (place?.file === undefined) return openFolder(path);
  const { directory, file } = place;
  const found = await identify(path);
  if (found === 'gguf') return besideFile(path, ggufNames(file));
  if (OF_DIRECTORY.test(file)) return openFolder(directory);
  throw noModel(path, found);
}

/** Whether a file is a GGUF, or what stands in its place. */
async function identify(path: string | URL): Promise<'gguf' | string | undefined> {
  const source = await openFile(path);
  try {
    if (isGgufName(source.name) || (await readMagic(source)) === GGUF_MAGIC) return 'gguf';
    return standIn(await source.read(0, Math.min(source.size, 64)));
  } finally {
    await source.close();
  }
}

/** A directory of safetensors, or with a GGUF in it. */
async function openFolder(path: string | URL): Promise<ModelFiles> {
  const gguf = await ggufIn(path);
  const files = await openDirectory(path, gguf);
  if (gguf === undefined) await refuseForeign(path);
  return { ...files, gguf };
}

/** The files of the only GGUF model of a directory that has no safetensors; undefined for none. */
async function ggufIn(path: string | URL): Promise<readonly string[] | undefined> {
  const names = (await listNames(path)) ?? [];
  if (names.some((name) => name.endsWith('.safetensors'))) return undefined;
  const models = new Map<string, readonly string[]>();
  for (const name of names.filter(isGgufName).toSorted()) {
    const parts = ggufNames(name);
    models.set(parts[0]!, parts);
  }
  const [only] = models.values();
  if (models.size <= 1) return only;
  const listed = Array.from(models.keys(), (name) => `"${printable(name)}"`).slice(0, MAX_LISTED);
  const message = `the directory "${printable(String(path), 400)}" expected one model, found ${models.size}: pass the path of one of them, ${listed.join(', ')}`;
  throw new TpaError('MODEL_NOT_FOUND', message, { data: { path: String(path) } });
}

function noModel(path: string | URL, found: string | undefined): TpaError {
  const shown = printable(String(path), 400);
  const cure =
    found === undefined
      ? sourceHint(shown) || ': pass a .gguf file, the directory of a model, or its http(s) address'
      : `, but ${found}`;
  const message = `"${shown}" is no model${cure}`;
  return new TpaError('MODEL_NOT_FOUND', message, { data: { path: String(path) } });
}
