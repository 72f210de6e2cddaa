import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelBytes } from '../../../src/index.ts';
import { buildCheckpoint } from '../files/build-checkpoint.ts';
import { TRAINED_JSON } from '../files/tokenizer-json.ts';
import { randomT6 } from '../models/mechanism-model.ts';

const CONFIG = {
  model_type: 't6',
  attention: 'tpa',
  vocab_size: 2048,
  block_size: 512,
  n_layer: 2,
  n_head: 4,
  head_dim: 32,
  n_embd: 96,
  rank: 2,
  q_rank: 4,
};

/** Ids of single bytes and of `<|end|>`. */
const BYTES_AND_END = 257;

/**
 * A random T6 that reads and writes text: no token ends it, and its greedy text does not settle on
 * one token. The embedding of single bytes is zero, so that they are never the likeliest: greedy
 * text has neither control characters nor halves of characters. `changes` alters config.json.
 */
export function talkingT6(
  changes: object = {},
): ModelBytes & { readonly config: object; readonly weights: Uint8Array } {
  const tensors = randomT6(CONFIG, 5);
  tensors.get('transformer.wte.weight')!.values.fill(0, 0, BYTES_AND_END * CONFIG.n_embd);
  const { weights } = buildCheckpoint(CONFIG, tensors).source;
  const config = { ...CONFIG, ...changes };
  return { config, weights: weights as Uint8Array, tokenizer: TRAINED_JSON };
}

/** Writes {@link talkingT6} as a folder, with a chat template if there is one. */
export function writeTalkingT6(folder: string, changes: object = {}, template?: string): void {
  const { config, weights } = talkingT6(changes);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'model.safetensors'), weights);
  writeFileSync(join(folder, 'tokenizer.json'), TRAINED_JSON);
  if (template !== undefined) writeFileSync(join(folder, 'chat_template.jinja'), template);
}
