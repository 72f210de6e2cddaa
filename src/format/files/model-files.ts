import { TpaError } from '../../base/errors.ts';
import { nodeBuiltin } from '../../base/node.ts';
import { checkBareName } from './bare-name.ts';
import { bytesSource, readAll } from './byte-source.ts';
import { printable } from '../../base/printable.ts';
import type { ByteSource } from './byte-source.ts';

/** The files of one model, by their bare names. */
export interface ModelFiles {
  /** The path or address the caller gave, for messages. */
  readonly name: string;
  /**
   * The file, undefined where there is none.
   *
   * @throws TpaError `PATH_ESCAPE` where `file` is no bare name or leads out of the model
   */
  open(file: string): Promise<ByteSource | undefined>;
  /** Closes every file that was opened; idempotent. */
  close(): Promise<void>;
}

/** A model in memory. */
export interface ModelBytes {
  /** config.json as bytes, text or parsed. */
  readonly config: Uint8Array | ArrayBuffer | string | object;
  /** model.safetensors, or shards by file name together with `model.safetensors.index.json`. */
  readonly weights: Uint8Array | ArrayBuffer | ReadonlyMap<string, Uint8Array>;
  /** tokenizer.json as bytes, text or parsed. */
  readonly tokenizer?: Uint8Array | ArrayBuffer | string | object;
  /** tokenizer_config.json as bytes, text or parsed: a chat template and its special tokens. */
  readonly tokenizerConfig?: Uint8Array | ArrayBuffer | string | object;
  /** generation_config.json as bytes, text or parsed. */
  readonly generationConfig?: Uint8Array | ArrayBuffer | string | object;
  /** chat_template.jinja as text; goes before the template of `tokenizerConfig`. */
  readonly chatTemplate?: string;
}

/** A directory path, the address of a directory (`http:`, `https:`, `file:`), or the bytes. */
export type ModelSource = string | URL | ModelBytes;

/**
 * Opens the place a model's files are in; no file is read yet.
 *
 * @param openUrl opens an http: or https: address
 * @throws TypeError where `source` is none of the three kinds
 * @throws TpaError `MODEL_NOT_FOUND` where a directory is missing; `ABORTED`
 * @example
 * const files = await openModelFiles('./models/t6-fairytales');
 * try {
 *   const config = parseConfigBytes(await readModelFile(files, 'config.json', MAX_CONFIG_BYTES));
 * } finally {
 *   await files.close();
 * }
 */
export async function openModelFiles(
  source: ModelSource,
  openUrl: (address: string) => Promise<ModelFiles> = refuseUrl,
): Promise<ModelFiles> {
  if (typeof source === 'string' || source instanceof URL) {
    const address = addressOf(source);
    if (/^https?:\/\//i.test(address)) return openUrl(address);
    const isFile = /^file:\/\//i.test(address);
    if (isFile || typeof source === 'string') {
      const { openDirectory } = await import('./directory.ts');
      return openDirectory(isFile ? new URL(address) : address);
    }
  } else if (typeof source === 'object' && source !== null) {
    return openBytes(source);
  }
  throw new TypeError(
    '"source" expected a directory path, an http:, https: or file: URL, or { config, weights }',
  );
}

/** In pages and their workers, which have no directories, a path is relative to the page. */
function addressOf(source: string | URL): string {
  const { location } = globalThis as { location?: { href: string } };
  const isOfPage =
    nodeBuiltin('fs/promises') === undefined && /^https?:/.test(location?.href ?? '');
  return String(isOfPage ? new URL(source, location!.href) : source);
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
  if (!source) throw missingFile(files, file);
  return readAll(source, maxBytes);
}

/** The error of a file that a model lacks. */
export function missingFile(files: ModelFiles, file: string): TpaError {
  const data = { path: files.name, file };
  const message = `model in "${printable(files.name, 400)}" expected a file "${printable(file)}", found none`;
  return new TpaError('MODEL_NOT_FOUND', message, { data });
}

/** @throws TypeError, where only files at hand are of use */
async function refuseUrl(): Promise<never> {
  throw new TypeError('"source" expected a directory or bytes, got an http: or https: address');
}

function openBytes(source: ModelBytes): ModelFiles {
  const { config, weights, tokenizer, tokenizerConfig, generationConfig, chatTemplate } = source;
  const contents = new Map<string, Uint8Array | ArrayBuffer>();
  if (weights instanceof Map) {
    for (const [file, bytes] of weights as ReadonlyMap<string, Uint8Array>) {
      contents.set(file, expectBytes(bytes, 'source.weights'));
    }
  } else {
    contents.set('model.safetensors', expectBytes(weights, 'source.weights'));
  }
  contents.set('config.json', encodeJson(config, 'source.config'));
  if (tokenizer !== undefined) {
    contents.set('tokenizer.json', encodeJson(tokenizer, 'source.tokenizer'));
  }
  if (tokenizerConfig !== undefined) {
    contents.set('tokenizer_config.json', encodeJson(tokenizerConfig, 'source.tokenizerConfig'));
  }
  if (generationConfig !== undefined) {
    contents.set('generation_config.json', encodeJson(generationConfig, 'source.generationConfig'));
  }
  if (chatTemplate !== undefined) {
    if (typeof chatTemplate !== 'string') {
      throw new TypeError(`"source.chatTemplate" expected text, got ${typeof chatTemplate}`);
    }
    contents.set('chat_template.jinja', new TextEncoder().encode(chatTemplate));
  }
  return {
    name: 'bytes',
    async open(file) {
      checkBareName(file);
      const bytes = contents.get(file);
      return bytes && bytesSource(file, bytes);
    },
    async close() {},
  };
}

function expectBytes(value: unknown, subject: string): Uint8Array | ArrayBuffer {
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return value;
  throw new TypeError(`"${subject}" expected Uint8Array or ArrayBuffer, got ${typeof value}`);
}

function encodeJson(value: unknown, subject: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  const isObject = typeof value === 'object' && value !== null;
  if (typeof value !== 'string' && !isObject) {
    throw new TypeError(`"${subject}" expected bytes, text or an object, got ${typeof value}`);
  }
  if (typeof value === 'string') return new TextEncoder().encode(value);
  try {
    return new TextEncoder().encode(JSON.stringify(value));
  } catch {
    throw new TypeError(`"${subject}" expected an object that can be written as JSON`);
  }
}
