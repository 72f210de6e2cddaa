import { checkAttached, checkKind, mismatch } from '../../base/arguments.ts';
import { bytesSource } from './byte-source.ts';
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
export function openBytes(source: ModelBytes): ModelFiles {
  const { weights, chatTemplate } = source;
  const contents = new Map<string, Uint8Array | ArrayBuffer>();
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
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) {
    return checkAttached(subject, value);
  }
  throw new TypeError(mismatch(subject, 'a Uint8Array or an ArrayBuffer', value));
}

function encodeJson(value: unknown, subject: string): Uint8Array {
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
