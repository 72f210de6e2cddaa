import { type AddedToken, MAX_LENGTH } from './added-tokens.ts';
import { type WordCache, WordEncoder } from './bpe/word-encoder.ts';
import { invalid } from './fields.ts';
import type { TokenizerFile } from './file.ts';
import { blanksAfter } from './blanks.ts';
import type { Place } from './steps/cutter.ts';
import { PreTokenizer } from './steps/pre-tokenizers.ts';
import { TokenFinder } from './token-finder.ts';

/** Characters of words that are encoded without a pause: about a millisecond. */
const BUDGET = 4096;
/** What a word or an added token costs besides its characters, in characters. */
const COST = 4;

/** Characters that are normalized without a pause. */
const NORMALIZED = 2 ** 16;

/** Turns text into ids, a bounded piece of work at a time. */
export class Encoder {
  readonly #file: TokenizerFile;
  readonly #finder: TokenFinder;
  /** Of tokens that are looked for in normalized text. */
  readonly #normalizedFinder: TokenFinder;
  readonly #cache: WordCache = new Map();
  /** Added tokens that text would become by the vocabulary, too. */
  readonly #spelled: readonly number[];

  constructor(file: TokenizerFile) {
    this.#file = file;
    const added = [...file.added.values()];
    this.#finder = new TokenFinder(
      new Map(
        added.filter(({ isNormalized }) => !isNormalized).map((token) => [token.content, token]),
      ),
    );
    this.#normalizedFinder = new TokenFinder(this.#normalizedTokens(added));
    const { vocabulary, unknown, produces } = file.bpe;
    this.#spelled = added
      .filter(({ id, content }) => vocabulary.ids.has(content) && id !== unknown && produces(id))
      .map(({ id }) => id);
  }

  /**
   * The ids of a well-formed text; a piece may be empty.
   *
   * @param after ids that stand before the text
   * @param isForbidden whether an added token must not come of the text
   * @throws TpaError `TOKENIZER_INVALID`
   */
  *pieces(
    text: string,
    after: readonly number[],
    isForbidden: (id: number) => boolean,
  ): Generator<readonly number[]> {
    const ids: number[] = [];
    for (const _ of this.#encode(text, after, isForbidden, ids)) yield ids.splice(0);
    yield ids;
  }

  /** Adds the ids, and yields where it pauses. */
  *#encode(
    text: string,
    after: readonly number[],
    isForbidden: (id: number) => boolean,
    ids: number[],
  ): Generator<void> {
    const { bpe, cuts } = this.#file;
    const blocked = new Set(this.#spelled.filter(isForbidden));
    const words = new WordEncoder(bpe, cuts.at(-1)?.isByteLevel === true, blocked, this.#cache);
    const preTokenizer = new PreTokenizer(cuts);
    const opening = this.#placeAfter(after);
    const stripped = this.#stripped(text, after);
    let cost = 0;
    for (const section of this.#finder.sections(stripped, isForbidden)) {
      if (section === undefined) yield;
      else if (section.token !== undefined) ids.push(section.token.id);
      else {
        const place = section.start === 0 ? opening : 'inner';
        const piece = yield* this.#normalize(stripped.slice(section.start, section.end), place);
        for (const part of this.#normalizedFinder.sections(piece, isForbidden)) {
          if (part === undefined) yield;
          else if (part.token !== undefined) ids.push(part.token.id);
          else {
            preTokenizer.begin(
              piece.slice(part.start, part.end),
              part.start === 0 ? place : 'inner',
            );
            for (let word = preTokenizer.next(); word !== undefined; word = preTokenizer.next()) {
              words.begin(word);
              while (!words.work(ids)) yield;
              cost += word === '' ? BUDGET : word.length + COST;
              if (cost < BUDGET) continue;
              yield;
              cost = 0;
            }
          }
          cost += COST;
        }
      }
      cost += COST;
    }
  }

  /** A text as all normalizers leave it, a part at a time where they let it be cut. */
  *#normalize(text: string, place: Place): Generator<void, string> {
    const { normalizers } = this.#file;
    if (normalizers.length === 0) return text;
    const needsWhole = normalizers.some((step) => step.needsWhole === true);
    let result = '';
    for (let start = 0; start < text.length;) {
      const end = needsWhole ? text.length : nextCut(text, start + NORMALIZED);
      result += this.#normalized(text.slice(start, end), start === 0 ? place : 'continued');
      start = end;
      if (start < text.length) yield;
    }
    return result;
  }

  #normalized(text: string, place: Place): string {
    return this.#file.normalizers.reduce((result, step) => step.normalize(result, place), text);
  }

  /** By what they become in the text; of several the first one. */
  #normalizedTokens(added: readonly AddedToken[]): Map<string, AddedToken> {
    const tokens = new Map<string, AddedToken>();
    for (const token of added) {
      if (!token.isNormalized) continue;
      const text = this.#normalized(token.content, 'inner');
      if (text === '' || text.length > MAX_LENGTH) {
        throw invalid(
          `the added token ${token.id} expected 1..${MAX_LENGTH} characters once normalized, found ${text.length}`,
        );
      }
      if (!tokens.has(text)) tokens.set(text, token);
    }
    return tokens;
  }

  /** The tokens that every text begins with are no text. */
  #placeAfter(after: readonly number[]): Place {
    const { startIds, added } = this.#file;
    const isStart = after.length === startIds.length && after.every((id, i) => id === startIds[i]);
    if (after.length === 0 || isStart) return 'opening';
    return added.has(after.at(-1)!) ? 'inner' : 'continued';
  }

  /** The text without blanks that are part of the token before it. */
  #stripped(text: string, after: readonly number[]): string {
    const strips = this.#file.added.get(after.at(-1) ?? -1)?.stripsRight === true;
    return strips ? text.slice(blanksAfter(text, 0)) : text;
  }
}

/** Before the next ASCII character: it is never joined to what stands before it. */
function nextCut(text: string, from: number): number {
  const ahead = text.slice(from).search(/[\0-\x7f]/);
  return ahead < 0 ? text.length : from + ahead;
}
