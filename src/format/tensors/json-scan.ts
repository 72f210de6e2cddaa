import { TpaError, printable } from '../../base/errors.ts';
import { decodeUtf8 } from '../files/byte-reader.ts';

/** A safetensors header nests 3 deep (file, tensor, shape), a shard index 2; one level to spare. */
const MAX_DEPTH = 4;

/** Largest plain integer has 16 digits (2^53 - 1 = 9007199254740991). */
const MAX_DIGITS = 16;

/** Members of an object nobody reads; a shard index has one or two of them. */
const MAX_SKIPPED = 1024;

const NUMBER = /(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y;
const LITERAL = /true|false|null/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
/** With the u flag a surrogate that is part of a pair does not match: only lone ones do. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What may stand behind a backslash, and at the same place what it means. */
const ESCAPES = '"\\/bfnrt';
const ESCAPED = '"\\/\b\f\n\r\t';

/** What a JSON value is, told from its first character. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'literal';

/**
 * A strict JSON reader that its caller pulls value by value, so that nothing is built which the
 * caller does not expect. Unlike `JSON.parse` it refuses duplicate keys (compared after unescaping),
 * lone surrogates and depth, and never rounds an integer.
 *
 * @example
 * const bytes = new TextEncoder().encode('[2048, 192]');
 * const json = new JsonScanner(bytes, 'model.safetensors');
 * const shape: number[] = [];
 * json.array(() => shape.push(json.number()));
 * json.end();
 * shape; // [2048, 192]
 */
export class JsonScanner {
  readonly #text: string;
  readonly #fileName: string;
  #at = 0;
  #depth = 0;

  /** @throws TpaError `WEIGHTS_HEADER_JSON` where the bytes are not UTF-8 */
  constructor(bytes: Uint8Array, fileName: string) {
    this.#fileName = printable(fileName);
    const message = `"${this.#fileName}" header expected UTF-8`;
    this.#text = decodeUtf8(bytes, () => new TpaError('WEIGHTS_HEADER_JSON', message));
  }

  /** The kind of the next value. @throws TpaError `WEIGHTS_HEADER_JSON` where there is none */
  kind(): JsonKind {
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (first === '{') return 'object';
    if (first === '[') return 'array';
    if (first === '"') return 'string';
    if (first === '-' || (first !== undefined && first >= '0' && first <= '9')) return 'number';
    if (first === 't' || first === 'f' || first === 'n') return 'literal';
    return this.#fail('a value');
  }

  /**
   * Reads an object; `member` must read each value.
   *
   * @throws TpaError `WEIGHTS_DUPLICATE_NAME`, `WEIGHTS_TOO_MANY`, `WEIGHTS_HEADER_JSON`
   */
  object(member: (key: string) => void, maxMembers = Infinity): void {
    const keys = new Set<string>();
    this.#list('{', '}', () => {
      const key = this.string();
      if (keys.has(key)) {
        const message = `"${this.#fileName}" header expected each name once, found "${printable(key)}" twice`;
        throw new TpaError('WEIGHTS_DUPLICATE_NAME', message, {
          data: { name: printable(key) },
        });
      }
      if (keys.size === maxMembers) {
        const message = `"${this.#fileName}" header expected at most ${maxMembers} names, found more`;
        throw new TpaError('WEIGHTS_TOO_MANY', message, { data: { limit: maxMembers } });
      }
      keys.add(key);
      if (!this.#accept(':')) this.#fail("':'");
      member(key);
    });
  }

  /** Reads an array; `item` must read each value. @throws TpaError `WEIGHTS_HEADER_JSON` */
  array(item: () => void): void {
    this.#list('[', ']', item);
  }

  /** Reads a string. @throws TpaError `WEIGHTS_HEADER_JSON` */
  string(): string {
    if (!this.#accept('"')) this.#fail('a string');
    let value = '';
    let hasEscape = false;
    for (let start = this.#at; ;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === 0x22 || unit === 0x5c) {
        value += this.#text.slice(start, this.#at++);
        if (unit === 0x22) break;
        value += this.#escape();
        hasEscape = true;
        start = this.#at;
      } else if (unit >= 0x20) {
        this.#at++;
      } else {
        // A control character, or NaN at the end of the text.
        this.#fail('the rest of a string');
      }
    }
    if (hasEscape && LONE_SURROGATE.test(value)) this.#fail('a pair of surrogates');
    return value;
  }

  /**
   * Reads a number: its value where it is a plain integer in 0 … 2^53 - 1 (no sign, fraction or
   * exponent), else NaN.
   *
   * @throws TpaError `WEIGHTS_HEADER_JSON`
   */
  number(): number {
    this.#skipSpace();
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (!match) return this.#fail('a number');
    this.#at = NUMBER.lastIndex;
    const [, digits = '', tail] = match;
    const isPlain = tail === '' && !digits.startsWith('-') && digits.length <= MAX_DIGITS;
    const value = isPlain ? Number(digits) : NaN;
    return Number.isSafeInteger(value) ? value : NaN;
  }

  /** Reads any value and forgets it, as strict as ever. @throws TpaError `WEIGHTS_HEADER_JSON` */
  skip(): void {
    const kind = this.kind();
    if (kind === 'object') this.object(() => this.skip(), MAX_SKIPPED);
    else if (kind === 'array') this.array(() => this.skip());
    else if (kind === 'string') this.string();
    else if (kind === 'number') this.number();
    else {
      LITERAL.lastIndex = this.#at;
      if (!LITERAL.test(this.#text)) this.#fail('a value');
      this.#at = LITERAL.lastIndex;
    }
  }

  /** Asserts that only white space is left. @throws TpaError `WEIGHTS_HEADER_JSON` */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('the end');
  }

  #list(open: string, close: string, item: () => void): void {
    if (!this.#accept(open)) this.#fail(`'${open}'`);
    if (++this.#depth > MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} levels`);
    if (!this.#accept(close)) {
      do item();
      while (this.#accept(','));
      if (!this.#accept(close)) this.#fail(`',' or '${close}'`);
    }
    this.#depth--;
  }

  #escape(): string {
    const letter = this.#text[this.#at++] ?? '';
    const place = letter === '' ? -1 : ESCAPES.indexOf(letter);
    if (place >= 0) return ESCAPED[place]!;
    HEX4.lastIndex = this.#at;
    const hex = letter === 'u' ? HEX4.exec(this.#text)?.[0] : undefined;
    if (hex === undefined) return this.#fail('an escape sequence');
    this.#at += hex.length;
    return String.fromCharCode(parseInt(hex, 16));
  }

  #accept(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    }
  }

  #fail(expected: string): never {
    throw new TpaError(
      'WEIGHTS_HEADER_JSON',
      `"${this.#fileName}" header expected ${expected} at character ${this.#at}`,
      { data: { at: this.#at } },
    );
  }
}
