import { checkAttached, checkKind, checkKnown, checkObject, mismatch } from '../base/arguments.ts';
import type { AddedToken } from './tokenizer/added-tokens.ts';
import type { Start } from './start-tokens.ts';
import { Encoder } from './tokenizer/encoder.ts';
import { readTokenizerFile } from './tokenizer/file.ts';

export { compilePattern } from './pattern/pattern.ts';

/** How {@link TextTokenizer.encode} reads a text. */
export interface EncodeOptions {
  /** Whether special tokens in the text become their ids, default false. */
  readonly parseSpecial?: boolean;
  /** Ids that stand before the text, which then gets no prefix space of its own; default none. */
  readonly after?: readonly number[];
  /** @internal Ids of added tokens that stay text besides. */
  readonly forbidden?: ReadonlySet<number>;
}

/** How {@link TextTokenizer.decode} writes ids. */
export interface DecodeOptions {
  /** Whether special tokens are left out, default false. */
  readonly skipSpecial?: boolean;
  /** Ids that stand before these, whose text then keeps the space it begins with; default none. */
  readonly after?: readonly number[];
}

/** Text to token ids and back. */
export interface TextTokenizer {
  /** The highest id + 1. */
  readonly vocabSize: number;
  /** Ids of the special tokens by their text. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** @internal Tokens that are found in the text itself, the special ones among them. */
  readonly addedTokens: readonly AddedToken[];
  /** Ids that a text begins with where a context is empty: BOS of LLaMA, none of GPT-2. */
  readonly startIds: readonly number[];
  /**
   * Tokenises text; nothing is added to it. A lone surrogate becomes U+FFFD.
   *
   * @param text any
   * @param options how
   * @throws TypeError for another kind; TpaError `TOKENIZER_INVALID` if the file has no token for a
   *   piece of the text
   */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * The text of some ids; ids without a token have none.
   *
   * @param ids in order
   * @param options how
   * @throws TypeError for another kind
   */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /**
   * The ids of {@link encode}, about a millisecond's work at a time; a piece may be empty.
   *
   * @internal
   */
  pieces(text: string, options?: EncodeOptions): Iterable<readonly number[]>;
}

/**
 * Reads a parsed `tokenizer.json` (byte-pair encoding, Hugging Face format).
 *
 * @param options.vocabSize rows of the model's embedding; tokens from there on are left out, and
 *   refused where text would become one
 * @param options.start BOS, where another file says whether texts begin with it
 * @throws TpaError `TOKENIZER_INVALID`
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * const json = await readFile('my-model/tokenizer.json', 'utf8');
 * const tokenizer = createTokenizer(JSON.parse(json));
 * tokenizer.decode(tokenizer.encode('Once upon a time')); // 'Once upon a time'
 */
export function createTokenizer(
  json: unknown,
  options: { vocabSize?: number; start?: Start | undefined } = {},
): TextTokenizer {
  const file = readTokenizerFile(json, options.vocabSize, options.start);
  const { startIds, added, nameOf, vocabSize, decoders } = file;
  const encoder = new Encoder(file);
  const special = [...added.values()].filter(({ isSpecial }) => isSpecial);
  const specialIds = new Set(special.map(({ id }) => id));

  function pieces(text: string, how: EncodeOptions = {}): Iterable<readonly number[]> {
    checkKind('text', text, 'string');
    checkKnown('an option of encode', checkObject('options', how), [
      'parseSpecial',
      'after',
      'forbidden',
    ]);
    const { parseSpecial = false, after = [], forbidden } = how;
    checkIds('after', after);
    const wellFormed = text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
    const isForbidden = (id: number): boolean =>
      (!parseSpecial && specialIds.has(id)) || forbidden?.has(id) === true;
    return encoder.pieces(wellFormed, after, isForbidden);
  }

  return {
    vocabSize,
    startIds,
    addedTokens: [...added.values()],
    specialTokens: new Map(special.map(({ content, id }) => [content, id])),
    encode(text, how) {
      const ids: number[] = [];
      for (const piece of pieces(text, how)) for (const id of piece) ids.push(id);
      return ids;
    },
    pieces,
    decode(ids, how = {}) {
      checkIds('ids', ids);
      checkKnown('an option of decode', checkObject('options', how), ['skipSpecial', 'after']);
      const { skipSpecial = false, after = [] } = how;
      checkIds('after', after);
      const shownName = (id: number): string | undefined =>
        skipSpecial && specialIds.has(id) ? undefined : nameOf(id);
      const shown: string[] = [];
      for (const id of ids) {
        const name = shownName(id);
        if (name !== undefined) shown.push(name);
      }
      const last = after.findLast((id) => shownName(id) !== undefined);
      const before = last === undefined ? undefined : nameOf(last);
      if (shown.length === 0) return '';
      let texts: readonly string[] = shown;
      for (const step of decoders) texts = step.decode(texts, before);
      return texts.join('');
    },
  };
}

function checkIds(name: string, ids: unknown): void {
  if (Array.isArray(ids)) return;
  if (ArrayBuffer.isView(ids) && 'length' in ids) return void checkAttached(name, ids);
  throw new TypeError(mismatch(name, 'an array of token ids', ids));
}
