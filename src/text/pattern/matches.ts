import type { Match, Pattern, Scan } from './pattern.ts';
import { widthAt } from './text-scan.ts';

/** Goes through the matches of a pattern in a text. */
export class Matches {
  readonly #text: string;
  readonly #scan: Scan;
  #from = 0;
  #end = -1;

  constructor(pattern: Pattern, text: string) {
    this.#text = text;
    this.#scan = pattern.scan(text);
  }

  /**
   * The next match; undefined behind the last one, `'paused'` where a long search pauses. An empty
   * one that touches the match before it is left out, as the reference implementation does.
   */
  next(): Match | 'paused' | undefined {
    while (this.#from <= this.#text.length) {
      const match = this.#scan.find(this.#from);
      if (match === 'paused') return match;
      if (match === undefined) break;
      const { start, end } = match;
      this.#from = end + (start < end ? 0 : widthAt(this.#text, end));
      const isTouching = start === end && end === this.#end;
      this.#end = end;
      if (!isTouching) return match;
    }
    this.#from = Infinity;
    return undefined;
  }
}
