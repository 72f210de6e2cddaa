import { readToken } from '../special-tokens/named-tokens.ts';
import { Fields } from './fields.ts';
import { MAX_TEMPLATE_LENGTH } from './limits.ts';
import type { ModelText } from '../contents.ts';

/** What a model's files say about conversations. */
export interface ChatConfig {
  /** Jinja sources that write messages as text, by their names; `default` for most conversations. */
  readonly templates: ReadonlyMap<string, string>;
  /** What the template knows as `bos_token`, where the files name one. */
  readonly bosToken?: string;
  /** The same for `eos_token`. */
  readonly eosToken?: string;
}

const FILE = 'tokenizer_config.json';
/** Published files with several templates have two to four. */
const MAX_TEMPLATES = 64;
const KEY = 'chat_template';

/**
 * Reads what a tokenizer_config.json says about conversations.
 *
 * @throws TpaError `CONFIG_INVALID` with data `{ file, path, rule }`
 */
export function parseTokenizerConfig(json: unknown): ChatConfig {
  const fields = new Fields(json, FILE);
  const bosToken = readToken(fields, 'bos_token');
  const eosToken = readToken(fields, 'eos_token');
  return {
    templates: readTemplates(fields),
    ...(bosToken === undefined ? {} : { bosToken }),
    ...(eosToken === undefined ? {} : { eosToken }),
  };
}

/** What a model's files say about conversations; chat_template.jinja is its only template. @throws TpaError `CONFIG_INVALID` */
export function chatConfigOf({ chatTemplate, tokenizerConfig }: ModelText): ChatConfig {
  const config = parseTokenizerConfig(tokenizerConfig ?? {});
  if (chatTemplate === undefined) return config;
  return { ...config, templates: new Map([['default', chatTemplate]]) };
}

/**
 * The templates of a tokenizer_config.json by their names: one text is the template `default`, and of
 * several with the same name the first counts.
 *
 * @throws TpaError `CONFIG_INVALID`
 */
function readTemplates(fields: Fields): ReadonlyMap<string, string> {
  const value = fields.get(KEY);
  const templates = new Map<string, string>();
  if (value === undefined) return templates;
  if (!Array.isArray(value)) return templates.set('default', readTemplate(fields, KEY, value));
  if (value.length > MAX_TEMPLATES) {
    throw fields.invalid(KEY, `at most ${MAX_TEMPLATES} templates`, value.length);
  }
  for (const entry of value) {
    const { name, template } = Object(entry) as Record<string, unknown>;
    if (typeof name !== 'string') throw fields.invalid(`${KEY}.name`, 'text', name);
    const text = readTemplate(fields, `${KEY}.template`, template);
    if (!templates.has(name)) templates.set(name, text);
  }
  return templates;
}

function readTemplate(fields: Fields, key: string, value: unknown): string {
  if (typeof value !== 'string') throw fields.invalid(key, 'text', value);
  if (value.length <= MAX_TEMPLATE_LENGTH) return value;
  throw fields.invalid(key, `at most ${MAX_TEMPLATE_LENGTH} characters`, value.length);
}
