import { MAX_CONFIG_BYTES } from '../../config/limits.ts';
import { invalidCheckpoint } from '../../errors.ts';
import { expectObject, type JsonObject, parseJson } from '../../files/json.ts';
import { MAX_TOKENIZER_BYTES } from '../../files/model-files.ts';
import type { ParseTokenizer } from '../../contents.ts';
import type { GgufMetadata } from '../metadata.ts';

/*
 * Files of Hugging Face that a GGUF file holds as texts, since no other key says all of them.
 */

/** config.json, where the keys of the architecture do not say all of it. */
export const KEPT_CONFIG = 'tpa.config';
/** generation_config.json. */
export const KEPT_GENERATION = 'tpa.generation_config';
/** tokenizer.json, where it is none of the kinds that have keys of their own. */
export const KEPT_TOKENIZER = 'tokenizer.huggingface.json';

/**
 * One of these files, undefined where it is not there.
 *
 * @throws TpaError `CHECKPOINT_INVALID`
 */
export function keptObject(
  metadata: GgufMetadata,
  key: string,
  parse: ParseTokenizer = parseJson,
): JsonObject | undefined {
  const text = metadata.text(key);
  if (text === undefined) return undefined;
  const refuse = (rule: string, found: string) => invalidCheckpoint(`"${key}"`, rule, found);
  const bytes = new TextEncoder().encode(text);
  const limit = key === KEPT_TOKENIZER ? MAX_TOKENIZER_BYTES : MAX_CONFIG_BYTES;
  if (bytes.length > limit) throw refuse(`at most ${limit} bytes`, String(bytes.length));
  return expectObject(parse(bytes, refuse), refuse);
}
