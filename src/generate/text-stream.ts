import type { TextTokenizer } from '../text/tokenizer.ts';

/**
 * Tokens decoded again while a character is unfinished. A token has at least one byte, and where a
 * UTF-8 decoder stands depends on the last 3 bytes only, so 4 would do for byte tokens; twice that
 * leaves room.
 */
const WINDOW = 8;

const REPLACEMENT = '\uFFFD';

/** Bytes of an unfinished UTF-8 sequence at most. */
const MAX_UNFINISHED = 3;

/**
 * Decodes tokens one by one without ever emitting half a character: bytes of an unfinished UTF-8
 * sequence wait for the next token. Costs O(1) per token, and special tokens have no text.
 */
export class TextStream {
  readonly #tokenizer: TextTokenizer;
  readonly #special: ReadonlySet<number>;
  /** The last token with text before the window, if any: a first word alone loses its space. */
  #before: readonly number[];
  /** Tokens since the last one that ended a character. */
  #window: number[] = [];
  /** UTF-16 units of the decoded window that were emitted. */
  #emitted = 0;

  /** @param before ids that the text follows */
  constructor(tokenizer: TextTokenizer, before: readonly number[] = []) {
    this.#tokenizer = tokenizer;
    this.#special = new Set(tokenizer.specialTokens.values());
    const shown = before.findLast((id) => !this.#special.has(id));
    this.#before = shown === undefined ? [] : [shown];
  }

  /** Adds a token; returns the text that became certain, often one token's. */
  push(id: number): string {
    if (this.#special.has(id)) return '';
    if (this.#window.length >= 2 * WINDOW) this.#shorten();
    this.#window.push(id);
    const text = this.#decode();
    if (!text.endsWith(REPLACEMENT)) return this.#end(text);
    // While an unfinished character may follow finished ones, decoders may write U+FFFD for each
    // byte of them all; what goes on for longer is no text.
    const most = this.#window.length < WINDOW ? Infinity : MAX_UNFINISHED;
    const emitted = Math.max(this.#emitted, settledLength(text, most));
    const settled = text.slice(this.#emitted, emitted);
    this.#emitted = emitted;
    return settled;
  }

  /** The end of the text: an unfinished sequence becomes U+FFFD. */
  flush(): string {
    return this.#end(this.#decode());
  }

  /** All of the window is emitted. */
  #end(text: string): string {
    const rest = text.slice(this.#emitted);
    if (this.#window.length > 0) this.#before = this.#window.slice(-1);
    this.#window = [];
    this.#emitted = 0;
    return rest;
  }

  #shorten(): void {
    this.#before = this.#window.splice(0, this.#window.length - WINDOW).slice(-1);
    this.#emitted = settledLength(this.#decode(), MAX_UNFINISHED);
  }

  #decode(): string {
    return this.#tokenizer.decode(this.#window, { skipSpecial: true, after: this.#before });
  }
}

/** All is final but up to `most` U+FFFD at the end, which may be an unfinished sequence. */
function settledLength(text: string, most: number): number {
  let end = text.length;
  while (text.length - end < most && text[end - 1] === REPLACEMENT) end--;
  return end;
}
