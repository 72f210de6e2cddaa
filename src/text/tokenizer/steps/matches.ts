import type { Pattern } from '../../pattern/pattern.ts';

/** What finds a pattern, from any place on. */
export type Finder = Pick<Pattern, 'find'>;

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Finds the matches of a pattern one after another. */
export class Matches {
  readonly #pattern: Finder;
  readonly #text: string;
  #from = 0;
  #end = -1;

  constructor(pattern: Finder, text: string) {
    this.#pattern = pattern;
    this.#text = text;
  }

  /** An empty match right behind another one is none. */
  next(): Span | undefined {
    while (this.#from <= this.#text.length) {
      const match = this.#pattern.find(this.#text, this.#from);
      if (match === undefined) break;
      if (match.start < match.end || match.end !== this.#end) {
        this.#from = match.end;
        this.#end = match.end;
        return match;
      }
      this.#from += this.#from < this.#text.length ? unitsAt(this.#text, this.#from) : 1;
    }
    this.#from = Infinity;
    return undefined;
  }
}

/** UTF-16 units of the character at a place. */
export function unitsAt(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}
