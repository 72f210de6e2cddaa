import { checkAttached, checkKind, mismatch } from '../../base/arguments.ts';
import { printable, TpaError } from '../../base/errors.ts';
import { type ByteSource, bytesSource, truncated } from './byte-source.ts';
import { checkBareName, type ModelFiles } from './model-files.ts';

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
  /** special_tokens_map.json as bytes, text or parsed. */
  readonly specialTokensMap?: Uint8Array | ArrayBuffer | string | object;
  /** generation_config.json as bytes, text or parsed. */
  readonly generationConfig?: Uint8Array | ArrayBuffer | string | object;
  /** chat_template.jinja as text; goes before the template of `tokenizerConfig`. */
  readonly chatTemplate?: string;
}

/** The bytes of a GGUF file. A `Blob`, such as a file that somebody chose in a page, is read piece by piece. */
export type GgufFile = Uint8Array | ArrayBuffer | Blob;

/** A model in GGUF files at hand. */
export interface GgufBytes {
  /** The file, or all parts of a model in any order. */
  readonly gguf: GgufFile | readonly GgufFile[];
}

/** What of {@link ModelBytes} stands for which file. */
const JSON_FILES = [
  ['config.json', 'config'],
  ['tokenizer.json', 'tokenizer'],
  ['tokenizer_config.json', 'tokenizerConfig'],
  ['special_tokens_map.json', 'specialTokensMap'],
  ['generation_config.json', 'generationConfig'],
] as const;

/**
 * The files of a model in memory; a module of its own, which addresses and directories do not need.
 *
 * @throws TypeError where one is neither bytes nor what can be written as its file
 */
export function openBytes(source: ModelBytes | GgufBytes | GgufFile): ModelFiles {
  if (isBytes(source) || source instanceof Blob) return openGgufFiles(source, 'source');
  if ('gguf' in source) return openGgufFiles(source.gguf, 'source.gguf');
  const { weights, chatTemplate } = source;
  const contents = new Map<string, GgufFile>();
  if (weights instanceof Map) {
    for (const [file, bytes] of weights as ReadonlyMap<string, Uint8Array>) {
      contents.set(file, expectBytes(bytes, 'source.weights'));
    }
  } else {
    contents.set('model.safetensors', expectBytes(weights, 'source.weights'));
  }
  for (const [file, key] of JSON_FILES) {
    const json = source[key];
    if (json === undefined && key !== 'config') continue;
    contents.set(file, encodeJson(json, `source.${key}`));
  }
  if (chatTemplate !== undefined) {
    const text = checkKind('source.chatTemplate', chatTemplate, 'string');
    contents.set('chat_template.jinja', new TextEncoder().encode(text));
  }
  return filesOf(contents);
}

function openGgufFiles(given: GgufFile | readonly GgufFile[], subject: string): ModelFiles {
  const parts: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (parts.length === 0) throw new TypeError(mismatch(subject, 'at least one file', given));
  const contents = new Map<string, GgufFile>();
  for (const [i, part] of parts.entries()) {
    const name = parts.length === 1 ? 'model.gguf' : `part-${i + 1}.gguf`;
    contents.set(name, part instanceof Blob ? part : expectBytes(part, subject, ' or a Blob'));
  }
  return { ...filesOf(contents), gguf: [...contents.keys()] };
}

/** Files in memory, by their names. */
export function filesOf(contents: ReadonlyMap<string, GgufFile>): ModelFiles {
  return {
    name: 'bytes',
    async open(file): Promise<ByteSource | undefined> {
      checkBareName(file);
      const bytes = contents.get(file);
      return bytes instanceof Blob ? blobSource(file, bytes) : bytes && bytesSource(file, bytes);
    },
    async close() {},
  };
}

/** Only what is read of a `Blob` is in memory. */
function blobSource(name: string, blob: Blob): ByteSource {
  const { size } = blob;
  return {
    name,
    size,
    async read(offset, length) {
      if (offset + length > size) throw truncated(name, offset + length, size);
      const bytes = await blob
        .slice(offset, offset + length)
        .arrayBuffer()
        .catch((cause: unknown) => {
          const message = `"${printable(name)}" cannot be read any more: choose the file again`;
          throw new TpaError('MODEL_NOT_FOUND', message, { cause });
        });
      return new Uint8Array(bytes);
    },
    async close() {},
  };
}

function isBytes(value: unknown): value is Uint8Array | ArrayBuffer {
  return value instanceof Uint8Array || value instanceof ArrayBuffer;
}

/** @throws TypeError where it is none, or was transferred */
export function expectBytes(value: unknown, subject: string, other = ''): Uint8Array | ArrayBuffer {
  if (isBytes(value)) return checkAttached(subject, value);
  throw new TypeError(mismatch(subject, `a Uint8Array or an ArrayBuffer${other}`, value));
}

/** JSON as bytes, from bytes, text or what can be written as such. @throws TypeError */
export function encodeJson(value: unknown, subject: string): Uint8Array {
  if (value instanceof Uint8Array) return checkAttached(subject, value);
  if (value instanceof ArrayBuffer) return new Uint8Array(checkAttached(subject, value));
  const isObject = typeof value === 'object' && value !== null;
  if (typeof value !== 'string' && !isObject) {
    throw new TypeError(mismatch(subject, 'bytes, text or an object', value));
  }
  if (typeof value === 'string') return new TextEncoder().encode(value);
  try {
    return new TextEncoder().encode(JSON.stringify(value));
  } catch {
    throw new TypeError(`"${subject}" expected an object that can be written as JSON`);
  }
}
