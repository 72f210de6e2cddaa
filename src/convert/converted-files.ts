import { parseTokenizerConfig } from '../format/config/chat-config.ts';
import { parseConfig } from '../format/config/config.ts';
import { parseGenerationConfig } from '../format/config/generation-config.ts';
import { readNamedTokens } from '../format/special-tokens/named-tokens.ts';
import { checkChoice, checkKnown, checkObject, checkRule } from '../base/arguments.ts';
import { unsupportedCheckpoint } from '../format/errors.ts';
import { checkGgufOptions, planGguf } from './gguf/gguf-files.ts';
import type { GgufDtype, WrittenTensor } from './gguf/stored-tensor.ts';
import { planSafetensors } from './safetensors-writer.ts';
import type { JsonObject } from '../format/files/json.ts';
import { checkCheckpoint, type Checkpoint } from './checkpoint.ts';

/** A file of a converted model that is not written yet. */
export interface ConvertedFile {
  /** Its bare name. */
  readonly name: string;
  /** Bytes it will have. */
  readonly byteLength: number;
  /** Of a GGUF file: the tensors in it. */
  readonly tensors?: readonly WrittenTensor[];
  /** What was done otherwise than asked, or other readers will miss, one sentence each. */
  readonly notes?: readonly string[];
  /** Its bytes, in pieces of a few MB, each valid until the next but one is drawn. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** What {@link convertCheckpoint} makes of a checkpoint. */
export interface ConvertOptions {
  /**
   * A folder of Hugging Face's files with `model.safetensors`, or GGUF with everything inside; default
   * `safetensors`.
   */
  readonly format?: 'safetensors' | 'gguf';
  /** Of GGUF: what matrices are rounded to; default what the source stores. */
  readonly dtype?: GgufDtype;
  /** Of GGUF: bytes that a file has at most, in as many as that takes; default one file. */
  readonly shardBytes?: number;
  /** Of GGUF: name of the file without `.gguf`; default `model`. */
  readonly name?: string;
}

const OPTIONS = ['format', 'dtype', 'shardBytes', 'name'];

/** The names that a conversion to a folder can write. */
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
 * bit-identical, quantised ones become float32, exactly; in GGUF they stay what they are, unless
 * `dtype` says what matrices are rounded to.
 *
 * @param checkpoint to be closed when everything is drawn
 * @param options one folder or GGUF, and of what kind
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
export async function convertCheckpoint(
  checkpoint: Checkpoint,
  options: ConvertOptions = {},
): Promise<readonly ConvertedFile[]> {
  checkCheckpoint(checkpoint);
  checkOptions(options);
  if (checkpoint.tensors.length === 0) {
    throw unsupportedCheckpoint('the checkpoint', 'weights', 'none');
  }
  if (options.format === 'gguf') return planGguf(checkpoint, options);
  const isSame = checkpoint.format === 'safetensors' && !checkpoint.adapters?.length;
  if (isSame) throw alreadyConverted();
  const { config, tensors, tokenizer, tokenizerConfig } = checkpoint;
  const { specialTokensMap, generationConfig } = checkpoint;
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

/** @throws TypeError, RangeError */
function checkOptions(options: ConvertOptions): void {
  checkKnown('an option of convertCheckpoint', checkObject('options', options), OPTIONS);
  const { format = 'safetensors', ...gguf } = options;
  checkChoice('options.format', format, ['safetensors', 'gguf']);
  checkGgufOptions(gguf);
  const [stray] =
    format === 'gguf' ? [] : Object.entries(gguf).filter(([, value]) => value !== undefined);
  if (stray) checkRule(`options.${stray[0]}`, false, 'none but with format "gguf"', stray[1]);
}

function alreadyConverted() {
  const found = 'safetensors, which need no conversion: load their directory, or write a .gguf';
  return unsupportedCheckpoint('the source of a folder', 'a PyTorch or GGUF checkpoint', found);
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
