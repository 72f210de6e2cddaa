import type { AddedToken } from './added-tokens.ts';
import { blanksAfter, blanksBefore, isInWord } from './blanks.ts';

/** A stretch of text: an added token, or what stands between two of them. */
export interface Section {
  readonly start: number;
  readonly end: number;
  readonly token?: AddedToken;
}

interface Found {
  readonly token: AddedToken;
  readonly end: number;
}

/** Units looked at before a search pauses: about a millisecond. */
const MAX_UNITS = 2 ** 14;

/** Finds added tokens in one pass: at each place the longest one that may stand there. */
export class TokenFinder {
  readonly #tokens: ReadonlyMap<string, AddedToken>;
  /** In order, so that those with a common start stand together, the shortest first. */
  readonly #texts: readonly string[];
  /** What a token begins with. */
  readonly #starts: RegExp | undefined;
  /** Units looked at since the last pause, of any text. */
  #units = 0;

  /** @param tokens by the texts that are looked for */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    this.#tokens = tokens;
    this.#texts = [...tokens.keys()].toSorted();
    const starts = new Set(this.#texts.map((text) => text.charCodeAt(0)));
    if (starts.size === 0) return;
    const units = [...starts].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`);
    this.#starts = new RegExp(`[${units.join('')}]`, 'g');
  }

  /**
   * Cuts a text into its tokens and what stands between; undefined where the search pauses.
   *
   * @param isForbidden ids that stay text
   */
  *sections(text: string, isForbidden: (id: number) => boolean): Generator<Section | undefined> {
    let done = 0;
    let blanksEnd = 0;
    for (let at = this.#nextStart(text, 0); at < text.length; at = this.#nextStart(text, at)) {
      if (this.#units > MAX_UNITS) {
        this.#units = 0;
        yield undefined;
      }
      const found = this.#longest(text, at, isForbidden);
      if (found === undefined) {
        at++;
        continue;
      }
      const { token, end: next } = found;
      let start = at;
      at = next;
      if (token.isSingleWord && isInWord(text, start, next)) continue;
      if (token.stripsLeft) {
        start = Math.max(done, blanksBefore(text, start, done));
        this.#units += next - start;
      }
      let end = next;
      if (token.stripsRight) {
        // Blanks behind a blank end where that one's end: a row of them is read once.
        if (next < blanksEnd) end = blanksEnd;
        else end = blanksEnd = blanksAfter(text, next);
      }
      if (start >= end) continue; // blanks that are part of the token before
      if (done < start) yield { start: done, end: start };
      yield { start, end, token };
      done = end;
    }
    if (done < text.length) yield { start: done, end: text.length };
  }

  #nextStart(text: string, from: number): number {
    if (this.#starts === undefined) return text.length;
    this.#starts.lastIndex = from;
    return this.#starts.exec(text)?.index ?? text.length;
  }

  #longest(text: string, start: number, isForbidden: (id: number) => boolean): Found | undefined {
    const texts = this.#texts;
    let found: Found | undefined;
    let first = 0;
    let last = texts.length;
    for (let end = start; end < text.length; end++) {
      this.#units++;
      const unit = text.charCodeAt(end);
      first = this.#bound(first, last, end - start, unit);
      last = this.#bound(first, last, end - start, unit + 1);
      if (first === last) break;
      const isWhole = texts[first]!.length === end + 1 - start;
      const token = isWhole ? this.#tokens.get(texts[first]!)! : undefined;
      if (token !== undefined && !isForbidden(token.id)) found = { token, end: end + 1 };
    }
    return found;
  }

  /** The first text of some whose unit at a place is not below another; the end of a text is. */
  #bound(first: number, last: number, place: number, least: number): number {
    let from = first;
    let to = last;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#texts[middle]!.charCodeAt(place) >= least) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
