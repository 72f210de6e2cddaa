import { TpaError } from '../base/errors.ts';
import { refuseConfig } from './config/fields.ts';
import { MAX_CONFIG_BYTES, MAX_TEMPLATE_LENGTH } from './config/limits.ts';
import { decodeUtf8 } from './files/byte-reader.ts';
import { readAll } from './files/byte-source.ts';
import { expectObject, type JsonObject, parseJson, type Refuse } from './files/json.ts';
import { MAX_TOKENIZER_BYTES, type ModelFiles, readModelFile } from './files/model-files.ts';
import { standIn } from './files/stand-in.ts';
import { openTensors } from './tensors/tensors.ts';
import type { ModelContents, ModelText, ParseTokenizer } from './contents.ts';

/** Largest published: 1.2 MB, a vocabulary's added tokens. */
const MAX_TOKENIZER_CONFIG_BYTES = 2 ** 24;
/** UTF-8 bytes a UTF-16 unit can take. */
const BYTES_PER_UNIT = 3;
const TEMPLATE = 'chat_template.jinja';

/**
 * A model in the files of Hugging Face, weights in safetensors: a T6 or a LLaMA.
 *
 * @throws TpaError `MODEL_NOT_FOUND`, `CONFIG_INVALID`, `RESOURCE_LIMIT`, `PATH_ESCAPE`,
 *   `MODEL_MISMATCH`, `ABORTED`, any `WEIGHTS_*`; from `text()` also `TOKENIZER_INVALID`
 */
export async function readHuggingFace(
  files: ModelFiles,
  signal?: AbortSignal,
): Promise<ModelContents> {
  return {
    config: await readConfigFile(files),
    tensors: await openTensors(files, signal),
    notes: [],
    text: (parse) => readTextFiles(files, refuseText, parse),
  };
}

/**
 * config.json.
 *
 * @param refuse the error of JSON that is no object
 * @throws TpaError `MODEL_NOT_FOUND`, `CONFIG_INVALID`, `RESOURCE_LIMIT`
 */
export async function readConfigFile(
  files: ModelFiles,
  refuse = refuseConfig('config.json'),
): Promise<JsonObject> {
  const bytes = await readModelFile(files, 'config.json', MAX_CONFIG_BYTES);
  return expectObject(parseJson(bytes, refuseConfig('config.json')), refuse);
}

/**
 * The files beside the weights, each of which may be missing.
 *
 * @param refuseJson the errors of a file that is no JSON object
 * @param parseTokenizer reads tokenizer.json
 * @throws TpaError `CONFIG_INVALID`, `TOKENIZER_INVALID`, `RESOURCE_LIMIT`, `PATH_ESCAPE`,
 *   `MODEL_NOT_FOUND` for a file that cannot be read
 */
export async function readTextFiles(
  files: ModelFiles,
  refuseJson: (file: string) => Refuse = refuseText,
  parseTokenizer: ParseTokenizer = parseWithoutMark,
): Promise<ModelText> {
  const read = async <T>(file: string, maxBytes: number, parse: (bytes: Uint8Array) => T) => {
    const source = await files.open(file);
    return source && parse(await readAll(source, maxBytes));
  };
  const readObject = (file: string, maxBytes: number, parse: ParseTokenizer = parseJson) =>
    read(file, maxBytes, (bytes) => {
      const refuse = refuseJson(file);
      return expectObject(parse(bytes, refuse), refuse);
    });
  const generationConfig = await readObject('generation_config.json', MAX_CONFIG_BYTES);
  const chatTemplate = await read(TEMPLATE, MAX_TEMPLATE_LENGTH * BYTES_PER_UNIT, decodeTemplate);
  const tokenizerConfig = await readObject('tokenizer_config.json', MAX_TOKENIZER_CONFIG_BYTES);
  const specialTokensMap = await readObject('special_tokens_map.json', MAX_CONFIG_BYTES);
  const tokenizer = await readObject('tokenizer.json', MAX_TOKENIZER_BYTES, parseTokenizer);
  return {
    ...(generationConfig && { generationConfig }),
    ...(chatTemplate !== undefined && { chatTemplate }),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(specialTokensMap && { specialTokensMap }),
    ...(tokenizer && { tokenizer }),
  };
}

function parseWithoutMark(bytes: Uint8Array, refuse: Refuse): unknown {
  return parseJson(bytes, refuse, false);
}

function decodeTemplate(bytes: Uint8Array): string {
  const refuse = refuseConfig(TEMPLATE);
  const text = decodeUtf8(bytes, () => refuse('UTF-8 text', 'other bytes'), false);
  const other = standIn(bytes);
  if (other !== undefined) throw refuse('a template', other);
  if (text.length <= MAX_TEMPLATE_LENGTH) return text;
  throw refuse(`at most ${MAX_TEMPLATE_LENGTH} characters`, `${text.length}`);
}

function refuseText(file: string): Refuse {
  if (file !== 'tokenizer.json') return refuseConfig(file);
  return (rule, found) =>
    new TpaError('TOKENIZER_INVALID', `"${file}" expected ${rule}, found ${found}`);
}
