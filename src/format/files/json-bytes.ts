const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
/** Digits of an integer that is read here. */
const MAX_DIGITS = 9;
/** The lowest character that takes so many bytes more. */
const LEAST = [0, 0x80, 0x800, 0x10000];
const ESCAPES = '"\\/bfnrt';
const ESCAPED = '"\\/\b\f\n\r\t';
const COMMA = 0x2c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Takes the UTF-16 units of a text one after the other. */
export interface UnitSink {
  push(unit: number): void;
}

/**
 * Reads JSON in UTF-8 byte by byte: values of which there are a hundred thousand, none of which becomes
 * an object. What it does not expect it refuses by `false`, without a reason: `JSON.parse` is asked
 * then.
 */
export class JsonBytes {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** Whether nothing but white space is left. */
  get isDone(): boolean {
    this.#skipSpace();
    return this.at >= this.#bytes.length;
  }

  /** Takes a character of ASCII, and the white space before it. */
  accept(character: string): boolean {
    this.#skipSpace();
    if (this.#bytes[this.at] !== character.charCodeAt(0)) return false;
    this.at++;
    return true;
  }

  /** Reads an object or an array; `item` must read each of its members. */
  list(open: string, close: string, item: () => boolean): boolean {
    if (!this.accept(open)) return false;
    if (this.accept(close)) return true;
    do if (!item()) return false;
    while (this.accept(','));
    return this.accept(close);
  }

  /** Reads a text, of which lone surrogates are part. */
  text(sink: UnitSink): boolean {
    if (!this.accept('"')) return false;
    const bytes = this.#bytes;
    for (;;) {
      const byte = bytes[this.at++];
      if (byte === undefined || byte < 0x20) return false;
      if (byte === QUOTE) return true;
      if (byte === BACKSLASH) {
        const unit = this.#escape();
        if (unit < 0) return false;
        sink.push(unit);
      } else if (byte < 0x80) sink.push(byte);
      else if (!this.#character(byte, sink)) return false;
    }
  }

  /** A key of an object, its colon taken; undefined for none and for one with an escape. */
  key(): string | undefined {
    if (!this.accept('"')) return undefined;
    const end = this.#bytes.indexOf(QUOTE, this.at);
    if (end < 0) return undefined;
    const name = String.fromCharCode(...this.#bytes.subarray(this.at, Math.min(end, this.at + 64)));
    this.at = end + 1;
    return !name.includes('\\') && this.accept(':') ? name : undefined;
  }

  /** A plain integer of up to nine digits; -1 for all else. */
  integer(): number {
    this.#skipSpace();
    const start = this.at;
    let value = 0;
    for (; this.at < start + MAX_DIGITS; this.at++) {
      const digit = this.#bytes[this.at]! - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      value = 10 * value + digit;
    }
    const isPlain = this.at === start + 1 || (this.at > start && this.#bytes[start] !== ZERO);
    return isPlain ? value : -1;
  }

  /** Passes over a value of JSON that is valid. */
  skip(): boolean {
    this.#skipSpace();
    for (let depth = 0; this.at < this.#bytes.length; this.at++) {
      const byte = this.#bytes[this.at]!;
      if (byte === QUOTE) this.#skipText();
      else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) depth++;
      else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
        if (depth === 0) return true; // of what the value stands in
        depth--;
      } else if (depth === 0 && byte === COMMA) return true;
    }
    return false;
  }

  /** To the quote behind a text. */
  #skipText(): void {
    const bytes = this.#bytes;
    for (this.at++; this.at < bytes.length && bytes[this.at] !== QUOTE; this.at++) {
      if (bytes[this.at] === BACKSLASH) this.at++;
    }
  }

  #skipSpace(): void {
    for (; ; this.at++) {
      const byte = this.#bytes[this.at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
    }
  }

  /** The unit of an escape sequence behind its backslash; -1 for none. */
  #escape(): number {
    const letter = String.fromCharCode(this.#bytes[this.at++] ?? 0);
    const place = ESCAPES.indexOf(letter);
    if (place >= 0) return ESCAPED.charCodeAt(place);
    const digits = String.fromCharCode(...this.#bytes.subarray(this.at, this.at + 4));
    if (letter !== 'u' || !/^[\da-f]{4}$/i.test(digits)) return -1;
    this.at += 4;
    return Number.parseInt(digits, 16);
  }

  /** Gives the units of a character that takes more than a byte; false where it is no UTF-8. */
  #character(first: number, sink: UnitSink): boolean {
    const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    let code = first & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const byte = this.#bytes[this.at++] ?? 0;
      if (byte >> 6 !== 2) return false;
      code = (code << 6) | (byte & 0x3f);
    }
    const isSurrogate = code >> 11 === 0x1b;
    if (first < 0xc2 || code < LEAST[more]! || code > 0x10ffff || isSurrogate) return false;
    if (code < 0x10000) sink.push(code);
    else {
      sink.push(0xd7c0 + (code >> 10));
      sink.push(0xdc00 + (code & 0x3ff));
    }
    return true;
  }
}
