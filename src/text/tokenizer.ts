import { Tokenizer } from '@huggingface/tokenizers';
import { TpaError } from '../base/errors.ts';
import { readTokenizerFile, withoutSpecial, type TokenizerFile } from './tokenizer-file.ts';

/** A token that is found in text as it is written, before anything else. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  /** Whether it takes the blanks before it, and those behind it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Whether it is one only where no letter of a word is beside it. */
  readonly singleWord: boolean;
}

/** How a text is read. */
export interface EncodeOptions {
  readonly parseSpecial?: boolean;
  readonly after?: readonly number[];
  readonly forbidden?: ReadonlySet<number>;
}

/** Text to token ids and back. */
export interface TextTokenizer {
  /** The highest id + 1. */
  readonly vocabSize: number;
  /** Ids of the special tokens by their text. */
  readonly specialTokens: ReadonlyMap<string, number>;
  readonly addedTokens: readonly AddedToken[];
  pieces(text: string, options?: EncodeOptions): Iterable<readonly number[]>;
  /** Ids that a text begins with where a context is empty: BOS of LLaMA, none of GPT-2. */
  readonly startIds: readonly number[];
  /**
   * Tokenises text; nothing is added to it. A lone surrogate becomes U+FFFD.
   *
   * @param text any
   * @param options how
   * @param options.parseSpecial whether special tokens in the text become their ids, default false
   * @throws TpaError `TOKENIZER_INVALID` if the file has no token for a piece of the text
   */
  encode(text: string, options?: { parseSpecial?: boolean }): number[];
  /**
   * The text of some ids; ids without a token have none.
   *
   * @param ids in order
   * @param options how
   * @param options.skipSpecial whether special tokens are left out, default false
   */
  decode(ids: readonly number[], options?: { skipSpecial?: boolean }): string;
}

/**
 * Reads a parsed `tokenizer.json` (byte-pair encoding, Hugging Face format).
 *
 * @param options.vocabSize rows of the model's embedding; an id from there on is refused
 * @throws TpaError `TOKENIZER_INVALID`
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * const json = await readFile('models/t6-fairytales/tokenizer.json', 'utf8');
 * const tokenizer = createTokenizer(JSON.parse(json));
 * tokenizer.decode(tokenizer.encode('Once upon a time')); // 'Once upon a time'
 */
export function createTokenizer(
  json: unknown,
  options: { vocabSize?: number } = {},
): TextTokenizer {
  const file = readTokenizerFile(json, options.vocabSize);
  // Also decodes; the twin that knows no special token is built when user text first needs it.
  const full = build(file);
  let plain = file.specialIds.size === 0 ? full : undefined;

  return {
    vocabSize: file.vocabSize,
    startIds: file.startIds,
    specialTokens: file.specialTokens,
    addedTokens: (file.json['added_tokens'] as Record<string, unknown>[]).map((token) => ({
      id: token['id'] as number,
      content: token['content'] as string,
      special: token['special'] === true,
      lstrip: token['lstrip'] === true,
      rstrip: token['rstrip'] === true,
      singleWord: token['single_word'] === true,
    })),
    // ADAPTER until the engine lands
    *pieces(text, { forbidden = new Set() } = {}) {
      const bad = this.addedTokens.filter((t) => !t.special && forbidden.has(t.id));
      const cut = bad.reduce(
        (texts, { content }) =>
          texts.flatMap((part) =>
            part
              .split(content)
              .flatMap((piece, i) => (i === 0 ? [piece] : [content[0]!, content.slice(1) + piece])),
          ),
        [text],
      );
      for (const part of cut) if (part !== '') yield this.encode(part);
    },
    encode(text, { parseSpecial = false } = {}) {
      const encoder = parseSpecial ? full : (plain ??= build(withoutSpecial(file)));
      const wellFormed = text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
      if (wellFormed === '') return [];
      const { ids } = guard(() => encoder.encode(wellFormed, { add_special_tokens: false }));
      if (ids.some((id: number | undefined) => id === undefined)) {
        const message = 'tokenizer.json has no token for a piece of the text, nor an unknown token';
        throw new TpaError('TOKENIZER_INVALID', message);
      }
      return ids;
    },
    decode(ids, { skipSpecial = false } = {}) {
      const known = ids.filter(
        (id) => file.ids.has(id) && !(skipSpecial && file.specialIds.has(id)),
      );
      // The library's clean-up deletes spaces before punctuation: text would not round-trip.
      if (known.length === 0) return '';
      return guard(() => full.decode(known, { clean_up_tokenization_spaces: false }));
    },
  };
}

function build(file: TokenizerFile): Tokenizer {
  return guard(() => new Tokenizer(file.json, {}));
}

/** Runs the library; its errors quote the file or the text, so they are not passed on. */
function guard<T>(call: () => T): T {
  try {
    return call();
  } catch {
    const message = 'the tokenizer library could not work with this tokenizer.json';
    throw new TpaError('TOKENIZER_INVALID', message);
  }
}
