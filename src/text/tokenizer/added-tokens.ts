import type { TextTable } from '../../base/text-table.ts';
import { readId } from './bpe/vocabulary.ts';
import { asArray, asObject, type JsonObject, readFlag, readText } from './fields.ts';

/** A token that is found in the text itself, before it is cut into words. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly isSpecial: boolean;
  /** Whether it must not touch a word. */
  readonly isSingleWord: boolean;
  /** Whether the blanks before it are part of it. */
  readonly stripsLeft: boolean;
  /** Whether the blanks behind it are part of it. */
  readonly stripsRight: boolean;
  /** Whether it is looked for in the normalized text. */
  readonly isNormalized: boolean;
}

/** Characters of an added token: published ones have up to some 40. */
export const MAX_LENGTH = 1024;

/**
 * The added tokens of a tokenizer.json by their texts. One that the vocabulary has too keeps the id
 * that it has there.
 *
 * @throws TpaError `TOKENIZER_INVALID`
 */
export function readAddedTokens(
  root: JsonObject,
  vocab: Pick<TextTable, 'get'>,
): ReadonlyMap<string, AddedToken> {
  const tokens = new Map<string, AddedToken>();
  for (const value of asArray('added_tokens', root['added_tokens'] ?? [])) {
    const fields = asObject('added_tokens', value);
    const content = readText(fields, 'content', MAX_LENGTH);
    tokens.set(content, {
      id: vocab.get(content) ?? readId(fields['id']),
      content,
      isSpecial: readFlag(fields, 'special', false),
      isSingleWord: readFlag(fields, 'single_word', false),
      stripsLeft: readFlag(fields, 'lstrip', false),
      stripsRight: readFlag(fields, 'rstrip', false),
      isNormalized: readFlag(fields, 'normalized', false),
    });
  }
  return tokens;
}
