import type { TextTokenizer } from '../text/tokenizer.ts';

/**
 * Tokens decoded again with each new one. A token has at least one byte, and where a UTF-8 decoder
 * stands depends on the last 3 bytes only, so 4 would do for byte tokens; twice that leaves room.
 */
const WINDOW = 8;

const REPLACEMENT = '\uFFFD';

/**
 * Decodes tokens one by one without ever emitting half a character: bytes of an unfinished UTF-8
 * sequence wait for the next token. Costs O(1) per token, and special tokens have no text.
 */
export class TextStream {
  readonly #tokenizer: TextTokenizer;
  #window: number[] = [];
  /** UTF-16 units of the decoded window that were emitted. */
  #emitted = 0;

  constructor(tokenizer: TextTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Adds a token; returns the text that became certain, often one token's. */
  push(id: number): string {
    if (this.#isSpecial(id)) return '';
    if (this.#window.length >= 2 * WINDOW) this.#shorten();
    this.#window.push(id);
    const text = this.#decode(this.#window);
    const emitted = Math.max(this.#emitted, settledLength(text));
    const settled = text.slice(this.#emitted, emitted);
    this.#emitted = emitted;
    return settled;
  }

  /** The end of the text: an unfinished sequence becomes U+FFFD. */
  flush(): string {
    const rest = this.#decode(this.#window).slice(this.#emitted);
    this.#window = [];
    this.#emitted = 0;
    return rest;
  }

  #shorten(): void {
    this.#window = this.#window.slice(-WINDOW);
    this.#emitted = settledLength(this.#decode(this.#window));
  }

  #decode(ids: readonly number[]): string {
    return this.#tokenizer.decode(ids, { skipSpecial: true });
  }

  #isSpecial(id: number): boolean {
    return this.#decode([id]) === '' && this.#tokenizer.decode([id]) !== '';
  }
}

/** An unfinished sequence decodes to exactly one U+FFFD at the end; all before it is final. */
function settledLength(text: string): number {
  return text.endsWith(REPLACEMENT) ? text.length - 1 : text.length;
}
