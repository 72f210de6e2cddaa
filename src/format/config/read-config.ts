import { readFamily } from './family.ts';
import { Fields } from './fields.ts';
import type { ModelConfig } from './model-config.ts';
import type { TensorEntry } from '../tensors/safetensors.ts';

/**
 * What `parseConfig` gives, by code that is loaded for the layout the model has: a page downloads one
 * of the two readers, of 2 KB each.
 *
 * @throws as `parseConfig`
 */
export async function readConfig(
  json: unknown,
  tensors: ReadonlyMap<string, TensorEntry>,
  maxContext?: number,
): Promise<ModelConfig> {
  const fields = new Fields(json);
  const family = readFamily(fields, tensors);
  if (family === undefined) {
    const { readT6Config } = await import('./t6/t6.ts');
    return readT6Config(fields, tensors, maxContext);
  }
  const { readLlamaConfig } = await import('./llama/llama.ts');
  return readLlamaConfig(fields, family, maxContext);
}
