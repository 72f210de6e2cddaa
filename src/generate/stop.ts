/** What {@link StopFilter.push} lets through. */
export interface Filtered {
  readonly text: string;
  /** Whether a stop string was completed; nothing may be pushed after that. */
  readonly isStopped: boolean;
}

/** Units that mark special tokens: halves of surrogate pairs, which occur in no well-formed text. */
const MARKS = { first: 0xd800, count: 0x400 };

/**
 * Finds stop strings in streamed text, wherever its pieces end. Text that may begin a stop string is
 * held back until the next pieces decide, so no part of a match is let through. The match that ends
 * first wins, and of several that end together the longest.
 *
 * Special tokens are not shown, but people name them in stop strings: each that occurs in one is a
 * mark of one unit, which is matched in its place and never let through.
 */
export class StopFilter {
  readonly #stops: readonly string[];
  readonly #marks = new Map<number, string>();
  #held = '';

  /**
   * @param stops non-empty, well-formed strings
   * @param specialTokens ids of special tokens by their text
   */
  constructor(stops: readonly string[], specialTokens: ReadonlyMap<string, number> = new Map()) {
    const named = Array.from(specialTokens)
      .filter(([text]) => text !== '' && stops.some((stop) => stop.includes(text)))
      .toSorted(([a], [b]) => b.length - a.length)
      .slice(0, MARKS.count);
    let marked = stops;
    for (const [i, [text, id]] of named.entries()) {
      const mark = String.fromCharCode(MARKS.first + i);
      this.#marks.set(id, mark);
      marked = marked.map((stop) => stop.replaceAll(text, mark));
    }
    this.#stops = [...new Set([...stops, ...marked])];
  }

  /** What a token is to be pushed as besides its text: '' unless a stop string names it. */
  markOf(id: number): string {
    return this.#marks.get(id) ?? '';
  }

  /** Adds text; returns the text that no match can include any more. */
  push(text: string): Filtered {
    const buffer = this.#held + text;
    let start = -1;
    let end = Infinity;
    for (const stop of this.#stops) {
      const found = find(buffer, stop);
      const foundEnd = found + stop.length;
      if (found >= 0 && (foundEnd < end || (foundEnd === end && found < start))) {
        start = found;
        end = foundEnd;
      }
    }
    if (start >= 0) {
      this.#held = '';
      return { text: withoutMarks(buffer.slice(0, start)), isStopped: true };
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => overlap(buffer, stop)));
    this.#held = buffer.slice(buffer.length - keep);
    return { text: withoutMarks(buffer.slice(0, buffer.length - keep)), isStopped: false };
  }

  /** The text still held back, once nothing follows that could complete a match. */
  flush(): string {
    const text = withoutMarks(this.#held);
    this.#held = '';
    return text;
  }
}

function withoutMarks(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '');
}

/** Where `stop` begins in `text`; a mark at its end is no half of a character. */
function find(text: string, stop: string): number {
  let at = text.indexOf(stop);
  while (at >= 0 && /[\uDC00-\uDFFF]/.test(text.charAt(at + stop.length))) {
    at = text.indexOf(stop, at + 1);
  }
  return at;
}

/** Length of the longest end of `text` that `stop` begins with. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
