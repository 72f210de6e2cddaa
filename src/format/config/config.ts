import { readFamily, refuseForeignTensors } from './family.ts';
import { Fields, invalidConfig } from './fields.ts';
import { isDeeperThan } from '../../base/json-depth.ts';
import { readLlamaConfig } from './llama.ts';
import { readT6Config } from './t6.ts';
import type { ModelConfig } from './model-config.ts';
import type { TensorEntry } from '../tensors/safetensors.ts';

/** Configs take 1 to 10 KB. */
export const MAX_CONFIG_BYTES = 2 ** 20;
/** Real ones nest 3 deep. */
const MAX_CONFIG_DEPTH = 32;

/**
 * Parses the bytes of a config.json, or of another `file` of settings.
 *
 * @throws TpaError `CONFIG_INVALID` where they are not strict UTF-8 JSON, too long or too deep
 */
export function parseConfigBytes(
  bytes: Uint8Array,
  file = 'config.json',
  maxBytes = MAX_CONFIG_BYTES,
): unknown {
  if (bytes.byteLength > maxBytes) {
    throw invalidConfig('', `at most ${maxBytes} bytes`, bytes.byteLength, file);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidConfig('', 'UTF-8 text', bytes, file);
  }
  if (isDeeperThan(MAX_CONFIG_DEPTH, bytes)) {
    throw invalidConfig('', `at most ${MAX_CONFIG_DEPTH} levels`, MAX_CONFIG_DEPTH + 1, file);
  }
  try {
    return JSON.parse(text);
  } catch {
    // The engine's error quotes the text, so it is not kept as the cause.
    throw invalidConfig('', 'JSON', text, file);
  }
}

/**
 * Checks the keys of a config.json, whose layout and mechanism the names and shapes of the tensors
 * tell together with the model family.
 *
 * @throws TpaError `CONFIG_INVALID` with data `{ path, rule }`, `MODEL_UNSUPPORTED`,
 *   `MODEL_MISMATCH`
 * @example
 * const files = await openModelFiles('models/t6-fairytales');
 * const bytes = await readModelFile(files, 'config.json', MAX_CONFIG_BYTES);
 * const config = parseConfig(parseConfigBytes(bytes), (await openTensors(files)).entries);
 * config.mechanism; // 'tpa'
 * await files.close();
 */
export function parseConfig(json: unknown, tensors: ReadonlyMap<string, TensorEntry>): ModelConfig {
  const fields = new Fields(json);
  refuseForeignTensors(tensors);
  const family = readFamily(fields, tensors);
  return family === undefined ? readT6Config(fields, tensors) : readLlamaConfig(fields, family);
}
