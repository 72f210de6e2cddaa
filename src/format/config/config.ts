import { readFamily } from './family.ts';
import { Fields } from './fields.ts';
import { readLlamaConfig } from './llama/llama.ts';
import { readT6Config } from './t6/t6.ts';
import type { ModelConfig } from './model-config.ts';
import type { TensorEntry } from '../tensors/safetensors.ts';

/**
 * Checks the keys of a config.json, whose layout and mechanism the names and shapes of the tensors
 * tell together with the model family.
 *
 * @param maxContext tokens that a session will hold at most; a longer context of the model's own is
 *   cut to it, none unless given
 * @throws TpaError `CONFIG_INVALID` with data `{ path, rule }`, `MODEL_UNSUPPORTED`,
 *   `MODEL_MISMATCH`
 * @example
 * const files = await openModelFiles('my-model');
 * const { config: json, tensors } = await readHuggingFace(files);
 * const config = parseConfig(json, tensors.entries);
 * config.mechanism; // 'tpa'
 * await files.close();
 */
export function parseConfig(
  json: unknown,
  tensors: ReadonlyMap<string, TensorEntry>,
  maxContext?: number,
): ModelConfig {
  const fields = new Fields(json);
  const family = readFamily(fields, tensors);
  if (family === undefined) return readT6Config(fields, tensors, maxContext);
  return readLlamaConfig(fields, family, maxContext);
}
