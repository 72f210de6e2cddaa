import { readAll } from '../files/byte-source.ts';
import { type ChatConfig, MAX_TEMPLATE_LENGTH, parseTokenizerConfig } from './chat-config.ts';
import { MAX_CONFIG_BYTES, parseConfigBytes } from './config.ts';
import { invalidConfig } from './fields.ts';
import { type GenerationConfig, parseGenerationConfig } from './generation-config.ts';
import type { ModelFiles } from '../files/model-files.ts';

/** Largest published: 1.2 MB, a vocabulary's added tokens. */
const MAX_TOKENIZER_CONFIG_BYTES = 2 ** 24;
/** UTF-8 bytes a UTF-16 unit can take. */
const BYTES_PER_UNIT = 3;

/**
 * The model's chat template and the tokens it names: `chat_template.jinja`, else what
 * `tokenizer_config.json` has; undefined where neither has a template.
 *
 * @throws TpaError `CONFIG_INVALID`, `RESOURCE_LIMIT`, `MODEL_NOT_FOUND` for a file that cannot be
 *   read
 */
export async function readChatConfig(files: ModelFiles): Promise<ChatConfig | undefined> {
  const file = 'chat_template.jinja';
  const bytes = await readOptional(files, file, MAX_TEMPLATE_LENGTH * BYTES_PER_UNIT);
  const own = bytes && decodeTemplate(bytes, file);
  const json = await readSettings(files, 'tokenizer_config.json', MAX_TOKENIZER_CONFIG_BYTES);
  const config = json === undefined ? {} : parseTokenizerConfig(json);
  const template = own ?? config.template;
  return template === undefined ? undefined : { ...config, template };
}

/**
 * The model's `generation_config.json`; nothing set where there is none.
 *
 * @throws as {@link readChatConfig}
 */
export async function readGenerationConfig(
  files: ModelFiles,
  vocabSize: number,
): Promise<GenerationConfig> {
  const json = await readSettings(files, 'generation_config.json', MAX_CONFIG_BYTES);
  return parseGenerationConfig(json ?? {}, vocabSize);
}

async function readSettings(files: ModelFiles, file: string, maxBytes: number): Promise<unknown> {
  const bytes = await readOptional(files, file, maxBytes);
  return bytes && parseConfigBytes(bytes, file, maxBytes);
}

async function readOptional(
  files: ModelFiles,
  file: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const source = await files.open(file);
  return source && readAll(source, maxBytes);
}

function decodeTemplate(bytes: Uint8Array, file: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidConfig('', 'UTF-8 text', bytes, file);
  }
  if (text.length <= MAX_TEMPLATE_LENGTH) return text;
  throw invalidConfig('', `at most ${MAX_TEMPLATE_LENGTH} characters`, text.length, file);
}
