import { readToken } from '../special-tokens/named-tokens.ts';
import { Fields } from './fields.ts';
import type { ModelText } from '../contents.ts';

/** What a model's files say about conversations. */
export interface ChatConfig {
  /** Jinja source that writes messages as text. */
  readonly template: string;
  /** What the template knows as `bos_token`, where the files name one. */
  readonly bosToken?: string;
  /** The same for `eos_token`. */
  readonly eosToken?: string;
}

const FILE = 'tokenizer_config.json';
/** The longest published template has about 20,000 characters. */
export const MAX_TEMPLATE_LENGTH = 2 ** 17;
/** Published files with several templates have two to four. */
const MAX_TEMPLATES = 64;

/**
 * Reads what a tokenizer_config.json says about conversations; of several templates the one named
 * "default" is taken.
 *
 * @throws TpaError `CONFIG_INVALID` with data `{ file, path, rule }`
 */
export function parseTokenizerConfig(json: unknown): Partial<ChatConfig> {
  const fields = new Fields(json, FILE);
  const template = readTemplate(fields);
  const bosToken = readToken(fields, 'bos_token');
  const eosToken = readToken(fields, 'eos_token');
  return {
    ...(template === undefined ? {} : { template }),
    ...(bosToken === undefined ? {} : { bosToken }),
    ...(eosToken === undefined ? {} : { eosToken }),
  };
}

/** The template of a model and the tokens it names; undefined where it has none. @throws TpaError `CONFIG_INVALID` */
export function chatConfigOf({ chatTemplate, tokenizerConfig }: ModelText): ChatConfig | undefined {
  const config = parseTokenizerConfig(tokenizerConfig ?? {});
  const template = chatTemplate ?? config.template;
  return template === undefined ? undefined : { ...config, template };
}

function readTemplate(fields: Fields): string | undefined {
  const key = 'chat_template';
  const value = fields.get(key);
  if (!Array.isArray(value)) return readText(fields, key, value, MAX_TEMPLATE_LENGTH);
  if (value.length > MAX_TEMPLATES) {
    throw fields.invalid(key, `at most ${MAX_TEMPLATES} templates`, value.length);
  }
  let found: string | undefined;
  for (const entry of value) {
    const { name, template } = Object(entry) as Record<string, unknown>;
    if (typeof name !== 'string') throw fields.invalid(`${key}.name`, 'text', name);
    const text = readText(fields, `${key}.template`, template ?? null, MAX_TEMPLATE_LENGTH);
    if (name === 'default') found ??= text;
  }
  return found;
}

function readText(
  fields: Fields,
  key: string,
  value: unknown,
  maxLength: number,
): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw fields.invalid(key, 'text', value);
  if (value.length <= maxLength) return value;
  throw fields.invalid(key, `at most ${maxLength} characters`, value.length);
}
