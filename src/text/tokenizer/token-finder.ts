import type { AddedToken } from './added-tokens.ts';
import { blanksAfter, blanksBefore, isInWord } from './steps/matchers.ts';

/** A stretch of text: an added token, or what stands between two of them. */
export interface Section {
  readonly start: number;
  readonly end: number;
  readonly token?: AddedToken;
}

interface Node {
  readonly children: Map<number, Node>;
  token?: AddedToken;
}

interface Found {
  readonly token: AddedToken;
  readonly end: number;
}

/** Places looked at before a search pauses. */
const MAX_PLACES = 4096;

/** Finds added tokens in one pass: at each place the longest one that may stand there. */
export class TokenFinder {
  readonly #root: Node = { children: new Map() };
  /** What a token begins with. */
  readonly #starts: RegExp | undefined;

  /** @param tokens by the texts that are looked for */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    const firsts = new Set<string>();
    for (const [text, token] of tokens) {
      let node = this.#root;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        let child = node.children.get(unit);
        if (child === undefined) node.children.set(unit, (child = { children: new Map() }));
        node = child;
      }
      node.token ??= token;
      firsts.add(`\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}`);
    }
    if (tokens.size > 0) this.#starts = new RegExp(`[${[...firsts].join('')}]`, 'g');
  }

  /**
   * Cuts a text into its tokens and what stands between; undefined where the search pauses.
   *
   * @param isForbidden ids that stay text
   */
  *sections(text: string, isForbidden: (id: number) => boolean): Generator<Section | undefined> {
    let done = 0;
    let places = 0;
    let blanksEnd = 0;
    for (let at = this.#nextStart(text, 0); at < text.length; at = this.#nextStart(text, at)) {
      if (++places % MAX_PLACES === 0) yield undefined;
      const found = this.#longest(text, at, isForbidden);
      if (found === undefined) {
        at++;
        continue;
      }
      const { token, end: next } = found;
      let start = at;
      at = next;
      if (token.isSingleWord && isInWord(text, start, next)) continue;
      if (token.stripsLeft) start = Math.max(done, blanksBefore(text, start, done));
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
    let found: Found | undefined;
    let node: Node | undefined = this.#root;
    for (let end = start; ; end++) {
      const { token } = node;
      if (token !== undefined && !isForbidden(token.id)) found = { token, end };
      if (end === text.length) return found;
      node = node.children.get(text.charCodeAt(end));
      if (node === undefined) return found;
    }
  }
}
