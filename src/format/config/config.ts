import { readFamily, refuseForeignTensors } from './family.ts';
import { Fields, refuseConfig } from './fields.ts';
import { parseJson } from '../files/json.ts';
import { readLlamaConfig } from './llama.ts';
import { readT6Config } from './t6.ts';
import type { ModelConfig } from './model-config.ts';
import type { TensorEntry } from '../tensors/safetensors.ts';

/** Configs take 1 to 10 KB. */
export const MAX_CONFIG_BYTES = 2 ** 20;

/**
 * Parses the bytes of a config.json.
 *
 * @throws TpaError `CONFIG_INVALID` where they are not strict UTF-8 JSON, too long or too deep
 */
export function parseConfigBytes(bytes: Uint8Array): unknown {
  const refuse = refuseConfig('config.json');
  if (bytes.byteLength <= MAX_CONFIG_BYTES) return parseJson(bytes, refuse);
  throw refuse(`at most ${MAX_CONFIG_BYTES} bytes`, `${bytes.byteLength}`);
}

/**
 * Checks the keys of a config.json, whose layout and mechanism the names and shapes of the tensors
 * tell together with the model family.
 *
 * @param maxContext tokens that a session will hold at most; a longer context of the model's own is
 *   cut to it, none unless given
 * @throws TpaError `CONFIG_INVALID` with data `{ path, rule }`, `MODEL_UNSUPPORTED`,
 *   `MODEL_MISMATCH`
 * @example
 * const files = await openModelFiles('models/t6-fairytales');
 * const bytes = await readModelFile(files, 'config.json', MAX_CONFIG_BYTES);
 * const config = parseConfig(parseConfigBytes(bytes), (await openTensors(files)).entries);
 * config.mechanism; // 'tpa'
 * await files.close();
 */
export function parseConfig(
  json: unknown,
  tensors: ReadonlyMap<string, TensorEntry>,
  maxContext = Infinity,
): ModelConfig {
  const fields = new Fields(json);
  refuseForeignTensors(tensors);
  const family = readFamily(fields, tensors);
  if (family === undefined) return readT6Config(fields, tensors, maxContext);
  return readLlamaConfig(fields, family, maxContext);
}
