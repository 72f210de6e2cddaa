import { mismatch } from '../../base/arguments.ts';
import { nodeBuiltin } from '../../base/node.ts';
import type { GgufBytes, GgufFile, ModelBytes } from './bytes-at-hand.ts';
import type { ModelFiles } from './model-files.ts';

/**
 * The path or the address (`http:`, `https:`, `file:`) of a directory or of a GGUF file, any part of
 * one standing for all that lie beside it; a model at Hugging Face (`hf:org/name`,
 * `hf:org/name@revision`, either with `/file`); or a model in memory.
 */
export type ModelSource = string | URL | ModelBytes | GgufBytes | GgufFile;

/**
 * Opens the files of a model at hand, on a disk or in memory; weights are not read yet.
 *
 * @throws TypeError where `source` is neither, but an address or something else
 * @throws TpaError `MODEL_NOT_FOUND` where nothing is there, or no model
 * @example
 * const files = await openModelFiles('./my-model');
 * try {
 *   const bytes = await readModelFile(files, 'config.json', 2 ** 20);
 * } finally {
 *   await files.close();
 * }
 */
export async function openModelFiles(source: ModelSource): Promise<ModelFiles> {
  if (typeof source === 'string' || source instanceof URL) {
    const address = addressOf(source);
    const isFile = /^file:\/\//i.test(address);
    if (isFile || (typeof source === 'string' && !WEB.test(address))) {
      const { openLocal } = await import('./local-model.ts');
      return openLocal(isFile ? new URL(address) : address);
    }
  } else if (typeof source === 'object' && source !== null) {
    const { openBytes } = await import('./bytes-at-hand.ts');
    return openBytes(source);
  }
  const expected =
    'a path, an http:, https:, file: or hf: URL, { config, weights }, or a GGUF file as bytes or { gguf }';
  throw new TypeError(mismatch('source', expected, source));
}

/** The `hf:` address that a source is; undefined for every other. */
export function hubAddress(source: ModelSource): string | undefined {
  const isText = typeof source === 'string' || source instanceof URL;
  return isText && /^hf:/i.test(String(source)) ? String(source) : undefined;
}

/** The http: or https: address that a source is; undefined for every other. */
export function webAddress(source: ModelSource): string | undefined {
  if (typeof source !== 'string' && !(source instanceof URL)) return undefined;
  const address = addressOf(source);
  return WEB.test(address) ? address : undefined;
}

const WEB = /^https?:\/\//i;

/** In pages and their workers, which have no directories, a path is relative to the page. */
function addressOf(source: string | URL): string {
  const { location } = globalThis as { location?: { href: string } };
  const isOfPage =
    nodeBuiltin('fs/promises') === undefined && /^https?:/.test(location?.href ?? '');
  return String(isOfPage ? new URL(source, location!.href) : source);
}
