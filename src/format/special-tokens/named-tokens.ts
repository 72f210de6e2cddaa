import { Fields, isOff } from '../config/fields.ts';
import type { ModelText } from '../contents.ts';
import type { JsonObject } from '../files/json.ts';

/** A token that a file beside tokenizer.json names. */
export interface NamedToken {
  readonly content: string;
  /** Where it is not said, that of the token with this text. */
  readonly id?: number;
  /** What an entry of `added_tokens` in tokenizer.json says, as far as it is said. */
  readonly flags: JsonObject;
}

/** What tokenizer_config.json and special_tokens_map.json say about special tokens. */
export interface NamedTokens {
  /** The text of BOS; null where it is said that there is none, undefined where nothing is said. */
  readonly bos: string | null | undefined;
  /** The same for EOS. */
  readonly eos: string | null | undefined;
  /** Texts that either file names as EOS. */
  readonly ends: readonly string[];
  /** The tokens of `added_tokens_decoder`, then all that are named by what they are for. */
  readonly tokens: readonly NamedToken[];
  /** Whether texts begin with BOS; undefined where that is left to tokenizer.json. */
  readonly addsBos: boolean | undefined;
}

/** Special tokens have up to about 30 characters. */
const MAX_TOKEN_LENGTH = 256;
const ROLES = 'bos eos unk sep pad cls mask'.split(' ').map((role) => `${role}_token`);
const LISTS = ['additional_special_tokens', 'extra_special_tokens'];
const FLAGS = 'single_word lstrip rstrip normalized special'.split(' ');
/** Tokenizers of transformers that put BOS before a text unless `add_bos_token` is false. */
const ADDS_BOS = /^(?:(?:Code)?Llama|Gemma|Cohere)Tokenizer(?:Fast)?$/;

/**
 * Reads what both files say. Where they name different tokens, templates get the one of
 * special_tokens_map.json, unless tokenizer_config.json has `added_tokens_decoder`: as transformers.
 *
 * @throws TpaError `CONFIG_INVALID` with data `{ file, path, rule }`
 */
export function readNamedTokens({
  tokenizerConfig,
  specialTokensMap,
}: Pick<ModelText, 'tokenizerConfig' | 'specialTokensMap'>): NamedTokens {
  const config = new Fields(tokenizerConfig ?? {}, 'tokenizer_config.json');
  const map = new Fields(specialTokensMap ?? {}, 'special_tokens_map.json');
  const decoder = Object(config.get('added_tokens_decoder')) as JsonObject;
  const files = Object.keys(decoder).length > 0 ? [config, map] : [map, config];
  const choose = (key: string): string | null | undefined =>
    files.map((file) => readToken(file, key)).find((text) => text !== undefined) ??
    (files.some((file) => file.has(key)) ? null : undefined);
  const isImplied = ADDS_BOS.test(String(config.get('tokenizer_class')));
  return {
    bos: choose('bos_token'),
    eos: choose('eos_token'),
    ends: files.flatMap((file) => readToken(file, 'eos_token') ?? []),
    tokens: [...decoded(decoder), ...files.flatMap(namedIn)],
    addsBos: config.oneOf('add_bos_token', [true, false]) ?? (isImplied || undefined),
  };
}

/**
 * A token is written as text, or as an object with the text and how it is matched; undefined where
 * there is none.
 *
 * @throws TpaError `CONFIG_INVALID` with data `{ file, path, rule }`
 */
export function readToken(fields: Fields, key: string): string | undefined {
  const value = fields.get(key);
  if (isOff(value) || value === '') return undefined;
  const text = contentOf(value);
  if (typeof text !== 'string') throw fields.invalid(key, 'text', text ?? null);
  if (text.length <= MAX_TOKEN_LENGTH) return text;
  throw fields.invalid(key, `at most ${MAX_TOKEN_LENGTH} characters`, text.length);
}

/** The tokens of all roles. */
function namedIn(fields: Fields): NamedToken[] {
  const roles = ROLES.map((key) => fields.get(key));
  const lists = LISTS.flatMap((key) => Object.values(Object(fields.get(key)) as JsonObject));
  return [...roles, ...lists].flatMap((value) => {
    const content = contentOf(value);
    return isText(content) ? [{ content, flags: { special: true } }] : [];
  });
}

function decoded(decoder: JsonObject): NamedToken[] {
  return Object.entries(decoder).flatMap(([key, value]) => {
    const content = contentOf(value);
    if (!/^\d{1,9}$/.test(key) || !isText(content)) return [];
    const flags: Record<string, boolean> = {};
    for (const flag of FLAGS) {
      const said = (value as JsonObject)[flag];
      if (typeof said === 'boolean') flags[flag] = said;
    }
    return [{ content, id: Number(key), flags }];
  });
}

function contentOf(value: unknown): unknown {
  return typeof value === 'object' ? (value as { content?: unknown } | null)?.content : value;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TOKEN_LENGTH;
}
