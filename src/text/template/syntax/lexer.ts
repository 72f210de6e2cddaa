import { Refusal } from '../budget.ts';
import { strip } from '../values/text.ts';

export interface Token {
  readonly type: 'text' | 'begin' | 'end' | 'name' | 'string' | 'integer' | 'float' | 'operator';
  /** The text, name, content of a string, digits, operator, or delimiter `{{ {% }} %}`. */
  readonly value: string;
  readonly line: number;
}

const SPACE = /\s+/y;
const RAW = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y;
const END_RAW = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g;
const END_COMMENT = /#\}/g;
const END_BLOCK = /\+%\}|-%\}\s*|%\}\n?/y;
const END_PRINT = /-\}\}\s*|\}\}/y;
const NAME = /[\p{L}_][\p{L}\p{N}\p{M}_]*/uy;
const INTEGER = /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*/y;
const FLOAT = /\d[\d_]*(?:\.\d[\d_]*(?:[eE][+-]?\d[\d_]*)?|[eE][+-]?\d[\d_]*)/y;
const STRING = /'((?:[^'\\]|\\[^])*)'|"((?:[^"\\]|\\[^])*)"/y;
const OPERATOR = /\/\/|\*\*|[=!<>]=|[-+/*%~[\](){}<>=.:|,;]/y;
/** Published templates have up to 8,000. */
const MAX_TOKENS = 2 ** 15;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/**
 * The tokens of a template, with the text around its tags cut as transformers has it: a tag takes
 * the line break behind it (`trim_blocks`) and the blanks before it on its line (`lstrip_blocks`),
 * unless it prints.
 */
export function tokenize(template: string): Token[] {
  const source = template.replaceAll(/\r\n?/g, '\n').replace(/\n$/, '');
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    for (;;) {
      const start = this.#nextTag();
      const sign = this.#source[start + 2];
      const isPrint = this.#source[start + 1] === '{';
      this.#text(start, start === this.#source.length ? '+' : isPrint && sign !== '-' ? '+' : sign);
      if (start === this.#source.length) return this.#tokens;
      if (this.#source[start + 1] === '#') this.#comment();
      else if (this.#take(RAW) !== undefined) this.#raw();
      else this.#code(isPrint);
    }
  }

  #nextTag(): number {
    const source = this.#source;
    for (let at = source.indexOf('{', this.#at); at >= 0; at = source.indexOf('{', at + 1)) {
      const next = source[at + 1];
      if (next === '{' || next === '%' || next === '#') return at;
    }
    return source.length;
  }

  /** The text up to a tag, whose sign says what becomes of the blanks before it. */
  #text(end: number, sign: string | undefined): void {
    let text = this.#source.slice(this.#at, end);
    if (sign === '-') {
      text = strip(text, 'right');
    } else if (sign !== '+') {
      const lineStart = text.lastIndexOf('\n') + 1;
      const isAtStart = lineStart > 0 || this.#at === 0 || this.#source[this.#at - 1] === '\n';
      if (isAtStart && strip(text.slice(lineStart)) === '') text = text.slice(0, lineStart);
    }
    if (text !== '') this.#push('text', text);
    this.#skipTo(end);
  }

  #comment(): void {
    const sign = this.#source[this.#at + 2];
    END_COMMENT.lastIndex = this.#at + (sign === '-' || sign === '+' ? 3 : 2);
    const start = END_COMMENT.lastIndex;
    const end = END_COMMENT.exec(this.#source)?.index;
    if (end === undefined) throw this.#error('a comment without an end');
    const endSign = end > start ? this.#source[end - 1] : undefined;
    this.#skipTo(end + 2);
    if (endSign === '-') this.#take(SPACE);
    else if (endSign !== '+' && this.#source[this.#at] === '\n') this.#skipTo(this.#at + 1);
  }

  #raw(): void {
    END_RAW.lastIndex = this.#at;
    const end = END_RAW.exec(this.#source);
    if (end === null) throw this.#error('"raw" without an end');
    this.#text(end.index, end[1]);
    this.#skipTo(end.index + end[0].length);
  }

  /** The tokens between the delimiters of a tag. */
  #code(isPrint: boolean): void {
    this.#push('begin', isPrint ? '{{' : '{%');
    const sign = this.#source[this.#at + 2];
    this.#skipTo(this.#at + (sign === '-' || sign === '+' ? 3 : 2));
    const open: string[] = [];
    for (;;) {
      this.#take(SPACE);
      const line = this.#line;
      if (open.length === 0 && this.#take(isPrint ? END_PRINT : END_BLOCK) !== undefined) {
        this.#push('end', isPrint ? '}}' : '%}', line);
        return;
      }
      if (!this.#scalar(line)) this.#operator(open);
    }
  }

  #scalar(line: number): boolean {
    const push = (type: Token['type'], value: string): true => {
      this.#push(type, value, line);
      return true;
    };
    // `x.0.1` is an item of an item.
    const float = this.#source[this.#at - 1] === '.' ? undefined : this.#take(FLOAT);
    if (float !== undefined) return push('float', float[0]);
    const integer = this.#take(INTEGER);
    if (integer !== undefined) return push('integer', integer[0]);
    const name = this.#take(NAME);
    if (name !== undefined) return push('name', name[0].normalize('NFKC'));
    const string = this.#take(STRING);
    return string !== undefined && push('string', unescape(string[1] ?? string[2]!));
  }

  #operator(open: string[]): void {
    const [operator] = this.#take(OPERATOR) ?? [];
    if (operator === undefined) throw this.#error('a character that Jinja does not know');
    const closing = CLOSING[operator];
    if (closing !== undefined) open.push(closing);
    else if (')]}'.includes(operator) && open.pop() !== operator) {
      throw this.#error('a bracket that does not match');
    }
    this.#push('operator', operator);
  }

  #push(type: Token['type'], value: string, line = this.#line): void {
    if (this.#tokens.length === MAX_TOKENS) throw this.#error(`more than ${MAX_TOKENS} tokens`);
    this.#tokens.push({ type, value, line });
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match === null) return undefined;
    this.#skipTo(this.#at + match[0].length);
    return match;
  }

  #skipTo(end: number): void {
    for (; this.#at < end; this.#at++) if (this.#source[this.#at] === '\n') this.#line++;
  }

  #error(what: string): Refusal {
    return new Refusal(`has ${what} in line ${this.#line}`);
  }
}

const ESCAPE =
  /\\(?:\n|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U(00(?:0[\da-fA-F]|10)[\da-fA-F]{4})|([0-7]{1,3})|([^xuUN]))/g;
const ESCAPED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Python's escapes; a backslash before another letter stays. */
function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  if (/\\[xuUN]/.test(text.replaceAll(ESCAPE, ''))) {
    throw new Refusal('has a string with an escape that is not complete');
  }
  return text.replaceAll(
    ESCAPE,
    (all, x?: string, u?: string, long?: string, octal?: string, letter?: string) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      if (letter === undefined) return '';
      return ESCAPED[letter] ?? ('\\\'"'.includes(letter) ? letter : all);
    },
  );
}
