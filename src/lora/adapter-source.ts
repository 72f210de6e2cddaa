import { checkKnown, checkNumber, checkObject, mismatch } from '../base/arguments.ts';
import { encodeJson, expectBytes, filesOf, type GgufFile } from '../format/files/bytes-at-hand.ts';
import { openDirectory, splitPath } from '../format/files/directory.ts';
import type { ModelFiles } from '../format/files/model-files.ts';
import { WEIGHTS_FILE } from './adapter.ts';
import { CONFIG_FILE } from './adapter-config.ts';

/** An adapter in memory. */
export interface AdapterBytes {
  /** adapter_config.json as bytes, text or parsed. */
  readonly config: Uint8Array | ArrayBuffer | string | object;
  /** adapter_model.safetensors; a `Blob` is read piece by piece. */
  readonly weights: Uint8Array | ArrayBuffer | Blob;
}

/**
 * Where an adapter is that PEFT has saved: the path or address of its folder, of adapter_config.json or
 * of adapter_model.safetensors in it; a repository of a hub (`hf:org/name`, with a revision and a
 * folder as a model has); or the bytes.
 */
export type AdapterSource = string | URL | AdapterBytes;

/** An adapter that is added to a model's weights. */
export interface LoraAdapter {
  /** Its folder, address or bytes. */
  readonly source: AdapterSource;
  /** What it is multiplied by besides its own α / r, default 1; 0 leaves the model as it is. */
  readonly scale?: number;
}

/** Far more than anybody adds up. */
const MAX_ADAPTERS = 64;
/** Past it, what an adapter adds is no adaptation. */
const MAX_SCALE = 1000;

const OPTIONS = ['source', 'scale'];

/**
 * Checks a list of adapters.
 *
 * @throws TypeError, RangeError that names what was expected
 */
export function checkAdapters(name: string, value: unknown): readonly Required<LoraAdapter>[] {
  if (!Array.isArray(value) || value.length > MAX_ADAPTERS) {
    throw new TypeError(mismatch(name, `an array of at most ${MAX_ADAPTERS} adapters`, value));
  }
  return Array.from(value, (item: LoraAdapter, i) => {
    const at = `${name}[${i}]`;
    checkKnown('a field of an adapter', checkObject(at, item), OPTIONS);
    const { source, scale = 1 } = item;
    const isPlace = typeof source === 'string' || source instanceof URL;
    const isBytes = typeof source === 'object' && source !== null && 'weights' in source;
    if (!isPlace && !isBytes) {
      const expected = 'a path, an http:, https:, file: or hf: URL, or { config, weights }';
      throw new TypeError(mismatch(`${at}.source`, expected, source));
    }
    return { source, scale: checkNumber(`${at}.scale`, scale, -MAX_SCALE, MAX_SCALE) };
  });
}

/**
 * Opens an adapter on a disk or in memory.
 *
 * @param name the argument, for messages
 * @throws TypeError for what is neither; TpaError `MODEL_NOT_FOUND`
 */
export async function openAdapterFiles(source: AdapterSource, name: string): Promise<ModelFiles> {
  if (typeof source === 'string' || source instanceof URL) {
    const text = String(source);
    if (/^(?:https?|hf):/i.test(text)) {
      const cure = 'a path, a file: URL or bytes, which a download becomes before it is converted';
      throw new TypeError(`"${name}" expected ${cure}, got an address`);
    }
    const { directory } = await splitPath(/^file:/i.test(text) ? new URL(text) : text);
    return openDirectory(directory);
  }
  const { config, weights } = source;
  const contents = new Map<string, GgufFile>();
  contents.set(CONFIG_FILE, encodeJson(config, `${name}.config`));
  const isBlob = weights instanceof Blob;
  const bytes = isBlob ? weights : expectBytes(weights, `${name}.weights`, ' or a Blob');
  contents.set(WEIGHTS_FILE, bytes);
  return filesOf(contents);
}
