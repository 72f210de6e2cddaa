/** What {@link StopFilter.push} lets through. */
export interface Filtered {
  readonly text: string;
  /** Whether a stop string was completed; nothing may be pushed after that. */
  readonly isStopped: boolean;
}

/**
 * Finds stop strings in streamed text, wherever its pieces end. Text that may begin a stop string is
 * held back until the next pieces decide, so no part of a match is let through. The match that ends
 * first wins, and of several that end together the longest.
 */
export class StopFilter {
  readonly #stops: readonly string[];
  #held = '';

  /** @param stops non-empty, well-formed strings */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Adds text; returns the text that no match can include any more. */
  push(text: string): Filtered {
    const buffer = this.#held + text;
    let start = -1;
    let end = Infinity;
    for (const stop of this.#stops) {
      const found = buffer.indexOf(stop);
      const foundEnd = found + stop.length;
      if (found >= 0 && (foundEnd < end || (foundEnd === end && found < start))) {
        start = found;
        end = foundEnd;
      }
    }
    if (start >= 0) {
      this.#held = '';
      return { text: buffer.slice(0, start), isStopped: true };
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => overlap(buffer, stop)));
    this.#held = buffer.slice(buffer.length - keep);
    return { text: buffer.slice(0, buffer.length - keep), isStopped: false };
  }

  /** The text still held back, once nothing follows that could complete a match. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }
}

/** Length of the longest end of `text` that `stop` begins with. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
