import { parseTokenizerConfig } from '../format/config/chat-config.ts';
import { parseConfig } from '../format/config/config.ts';
import { parseGenerationConfig } from '../format/config/generation-config.ts';
import { readNamedTokens } from '../format/special-tokens/named-tokens.ts';
import { unsupportedCheckpoint } from '../format/errors.ts';
import { planSafetensors } from './safetensors-writer.ts';
import type { JsonObject } from '../format/files/json.ts';
import { checkCheckpoint, type Checkpoint } from './checkpoint.ts';

/** A file of a converted model that is not written yet. */
export interface ConvertedFile {
  /** Its bare name. */
  readonly name: string;
  /** Bytes it will have. */
  readonly byteLength: number;
  /** Its bytes, in pieces of a few MB, each valid until the next but one is drawn. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** The names that a conversion can write. */
export const CONVERTED_NAMES: readonly string[] = [
  'config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
];

/**
 * The files that `loadModel` reads, made from a checkpoint: weights are read, translated and handed
 * on in pieces, so that memory does not grow with the model. Floating-point weights stay
 * bit-identical, quantised ones become float32, exactly.
 *
 * @param checkpoint to be closed when everything is drawn
 * @throws TypeError, RangeError for what is no checkpoint; TpaError any `WEIGHTS_*` of a header that could not be read again; `CONFIG_INVALID`,
 *   `MODEL_UNSUPPORTED`, `MODEL_MISMATCH` for a configuration that `loadModel` would refuse; while
 *   chunks are drawn, `WEIGHTS_TRUNCATED`, `WEIGHTS_NONFINITE`
 * @example
 * import { appendFile } from 'node:fs/promises';
 * const checkpoint = await openCheckpoint('./llama.gguf');
 * for (const file of await convertCheckpoint(checkpoint)) {
 *   for await (const bytes of file.chunks()) await appendFile(file.name, bytes);
 * }
 * await checkpoint.close();
 */
export async function convertCheckpoint(checkpoint: Checkpoint): Promise<readonly ConvertedFile[]> {
  checkCheckpoint(checkpoint);
  const { config, tensors, tokenizer, tokenizerConfig } = checkpoint;
  const { specialTokensMap, generationConfig } = checkpoint;
  if (tensors.length === 0) throw unsupportedCheckpoint('the checkpoint', 'weights', 'none');
  const { entries, byteLength, chunks } = await planSafetensors(tensors);
  // What `loadModel` would refuse is not worth the writing of gigabytes.
  const { vocabSize } = parseConfig(config, entries);
  parseGenerationConfig(generationConfig ?? {}, vocabSize);
  parseTokenizerConfig(tokenizerConfig ?? {});
  readNamedTokens(checkpoint);
  const files: ConvertedFile[] = [
    jsonFile('config.json', config, 2),
    { name: 'model.safetensors', byteLength, chunks },
  ];
  if (tokenizer) files.push(jsonFile('tokenizer.json', tokenizer, 0));
  if (tokenizerConfig) files.push(jsonFile('tokenizer_config.json', tokenizerConfig, 2));
  if (specialTokensMap) files.push(jsonFile('special_tokens_map.json', specialTokensMap, 2));
  if (generationConfig) files.push(jsonFile('generation_config.json', generationConfig, 2));
  return files;
}

function jsonFile(name: string, json: JsonObject, indent: number): ConvertedFile {
  const bytes = new TextEncoder().encode(`${JSON.stringify(json, undefined, indent)}\n`);
  return {
    name,
    byteLength: bytes.byteLength,
    async *chunks() {
      yield bytes;
    },
  };
}
