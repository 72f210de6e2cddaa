import { readToken } from '../special-tokens/named-tokens.ts';
import { readTemplates } from './chat-templates.ts';
import { Fields } from './fields.ts';
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
