import { TpaError } from '../../base/errors.ts';
import { type Match, MultiSearch } from '../../base/multi-search.ts';
import type { TextTokenizer } from '../tokenizer.ts';
import type { AddedToken } from '../tokenizer/added-tokens.ts';
import { blanksBefore, isInWord } from '../tokenizer/blanks.ts';
import type { StandIns } from './stand-ins.ts';

/** Template code tests letters, digits and spaces of messages, and escapes quotes and backslashes. */
const PLAIN = /[\p{L}\p{N}\s"'\\]/u;
/** Units of all added tokens: a codec's 65,536 have about 700,000. */
const MAX_TOKEN_UNITS = 2 ** 20;

/**
 * Keeps the text of people from becoming tokens that mean something to the model: special ones, and
 * those that the template writes itself, as DeepSeek's `<｜User｜>`, which is not called special. Such a
 * token is one only where every character of it is the template's own: people's text has stand-ins
 * for the characters that mark tokens (`<`, `|`, `>` …) until it is cut into ids.
 */
export class SpecialGuard {
  /** Units that mark tokens; the first unit of one in which none stands out. */
  readonly marks: ReadonlySet<string>;
  readonly #tokenizer: TextTokenizer;
  readonly #tokens: readonly AddedToken[];
  readonly #search: MultiSearch;
  readonly #guarded: ReadonlySet<number>;

  /**
   * @param written texts of which the template makes its own: its source, constants, variables
   * @throws TpaError `TOKENIZER_INVALID` for added tokens without end
   */
  constructor(tokenizer: TextTokenizer, written: readonly string[]) {
    const tokens = tokenizer.addedTokens.filter(
      // One character can be nothing but its token.
      ({ content, isSpecial }) => isSpecial || (content.length > 1 && content.trim() !== ''),
    );
    const units = tokens.reduce((sum, { content }) => sum + content.length, 0);
    if (units > MAX_TOKEN_UNITS) {
      const message = `tokenizer.json: "added_tokens" expected at most ${MAX_TOKEN_UNITS} characters, found ${units}`;
      throw new TpaError('TOKENIZER_INVALID', message);
    }
    this.#tokenizer = tokenizer;
    const text = written.join('\n');
    const words = tokens.filter((token) => !isName(token));
    const writtenWords = matching(words, searchFor(words), text);
    this.#tokens = [...tokens.filter(isName), ...writtenWords];
    this.#search = searchFor(this.#tokens);
    const guarded = [
      ...this.#tokens.filter(({ isSpecial }) => isSpecial),
      ...matching(this.#tokens, this.#search, text),
    ];
    this.#guarded = new Set(guarded.map(({ id }) => id));
    this.marks = new Set(this.#tokens.flatMap(marksOf));
  }

  /** The tokens that a text, stand-ins still in it, spells: the first, and the longest from there. */
  tokensIn(rendered: string, standIns: StandIns): OwnToken[] {
    const tokens = this.#search
      .find(rendered)
      .map((match) => ({ ...match, token: this.#tokens[match.pattern]! }));
    return tokens.filter(({ start, end, token }) => {
      if (!token.isSingleWord) return true;
      const before = standIns.restore(rendered.slice(Math.max(0, start - 2), start));
      const around = before + standIns.restore(rendered.slice(end, end + 2));
      return !isInWord(around, before.length, before.length);
    });
  }

  /**
   * The ids of a text with stand-ins in it, a bounded piece of work at a time. Where people's text
   * spells no guarded token they are those of the whole text with special tokens parsed.
   *
   * @param own its tokens
   * @throws TpaError `TOKENIZER_INVALID`
   */
  *encode(
    rendered: string,
    own: readonly OwnToken[],
    standIns: StandIns,
  ): Generator<readonly number[]> {
    const forbidden = this.#forbiddenIn(rendered, standIns);
    let done = 0;
    let after: readonly number[] = [];
    for (const { start, end, token } of [...own, { ...END, start: rendered.length }]) {
      const text = standIns.restore(rendered.slice(done, start));
      const kept = token?.stripsLeft ? blanksBefore(text, text.length, 0) : text.length;
      if (kept > 0) yield* this.#tokenizer.pieces(text.slice(0, kept), { after, forbidden });
      if (token === undefined) return;
      yield [token.id];
      // The start tokens alone would count as no text before; this is after them.
      after = [...this.#tokenizer.startIds, token.id];
      done = end;
    }
  }

  /** Ids that text must not become: guarded ones, and those in which the template has a part. */
  #forbiddenIn(rendered: string, standIns: StandIns): ReadonlySet<number> {
    if (this.#guarded.size === this.#tokens.length) return this.#guarded;
    const forbidden = new Set(this.#guarded);
    for (const { start, end, pattern } of this.#search.find(standIns.restore(rendered))) {
      if (standIns.isMarked(rendered.slice(start, end))) forbidden.add(this.#tokens[pattern]!.id);
    }
    return forbidden;
  }
}

/** A token that the template wrote. */
export interface OwnToken extends Match {
  readonly token: AddedToken;
}

const END = { end: 0, token: undefined };

/**
 * Tells which texts may have a part in some tokens, though no character of theirs marks one: `user`
 * between the template's `<|` and `|>`, or a name such as `PADDING` where `PAD` is a token.
 */
export function doubtsAbout(own: readonly OwnToken[]): (hidden: string) => boolean {
  const tokens = [...new Set(own.map(({ token }) => token.content))];
  const all = tokens.join('\n');
  const longest = tokens.reduce((length, token) => Math.max(length, token.length), 0);
  const bare = tokens.filter((token) => /^[\w.-]|[\w.-]$/.test(token));
  return (hidden) => {
    const text = hidden.trim();
    if (text === '') return false;
    const isInside = text.length < longest && all.includes(text);
    return isInside || bare.some((token) => text.includes(token) || canShareText(text, token));
  };
}

/** A word that is a token is guarded where the template writes it: people write words too. */
function isName({ content, isSpecial }: AddedToken): boolean {
  return isSpecial || content.split('').some((unit) => !PLAIN.test(unit));
}

function searchFor(tokens: readonly AddedToken[]): MultiSearch {
  return new MultiSearch(tokens.map(({ content }) => content));
}

/** Those of some tokens that a text spells. */
function matching(
  tokens: readonly AddedToken[],
  search: MultiSearch,
  text: string,
): readonly AddedToken[] {
  const found = new Set(search.find(text).map(({ pattern }) => pattern));
  return Array.from(found, (index) => tokens[index]!);
}

function marksOf({ content }: AddedToken): string[] {
  const marks = content.split('').filter((unit) => !PLAIN.test(unit));
  return marks.length > 0 ? marks : [content[0]!];
}

/** Whether one begins with what the other ends with. */
function canShareText(a: string, b: string): boolean {
  for (let length = 1; length < Math.min(a.length, b.length); length++) {
    if (a.endsWith(b.slice(0, length)) || b.endsWith(a.slice(0, length))) return true;
  }
  return false;
}
