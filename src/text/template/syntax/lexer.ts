import { Refusal } from '../budget.ts';
import { strip } from '../values/text.ts';

export interface Token {
  readonly type: 'text' | 'begin' | 'end' | 'name' | 'string' | 'integer' | 'float' | 'operator';
  /** The text, name, content of a string, digits, operator, or delimiter `{{ {% }} %}`. */
  readonly value: string;
  readonly line: number;
}

const TAG = /\{[{%#]/g;
const SPACE = /\s*/y;
const COMMENT = /\{#[-+]?[^]*?(?:\+#\}|-#\}\s*|#\}\n?)/y;
const RAW = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y;
const END_RAW = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g;
const BEGIN = /\{[{%][-+]?/y;
const END_BLOCK = /\+%\}|-%\}\s*|%\}\n?/y;
const END_PRINT = /-\}\}\s*|\}\}/y;
/** Behind a dot there is no float: `x.0.1` is an item of an item. */
const TOKEN =
  /(?<float>(?<!\.)\d[\d_]*(?:\.\d[\d_]*(?:[eE][+-]?\d[\d_]*)?|[eE][+-]?\d[\d_]*))|(?<integer>0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*)|(?<name>[\p{L}_][\p{L}\p{N}\p{M}_]*)|(?<string>'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*")|(?<operator>\/\/|\*\*|[=!<>]=|[-+*/%~[\](){}<>=.:|,;])/uy;
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
      if (this.#source[start + 1] === '#') {
        if (this.#take(COMMENT) === undefined) throw this.#error('a comment without an end');
      } else if (this.#take(RAW) !== undefined) this.#raw();
      else this.#code(isPrint);
    }
  }

  #nextTag(): number {
    TAG.lastIndex = this.#at;
    return TAG.exec(this.#source)?.index ?? this.#source.length;
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
    this.#take(BEGIN);
    const open: string[] = [];
    for (;;) {
      this.#take(SPACE);
      const line = this.#line;
      if (open.length === 0 && this.#take(isPrint ? END_PRINT : END_BLOCK) !== undefined) {
        this.#push('end', isPrint ? '}}' : '%}', line);
        return;
      }
      const { groups = {} } = this.#take(TOKEN) ?? {};
      const [type, text] = Object.entries(groups).find(([, one]) => one !== undefined) ?? [];
      if (text === undefined) throw this.#error('a character that Jinja does not know');
      const value =
        type === 'string'
          ? unescape(text.slice(1, -1))
          : type === 'name'
            ? text.normalize('NFKC')
            : text;
      if (type === 'operator') this.#pair(open, value);
      this.#push(type as Token['type'], value, line);
    }
  }

  /** Notes a bracket that opens; one that closes must be the last one's. */
  #pair(open: string[], operator: string): void {
    const closing = CLOSING[operator];
    if (closing !== undefined) open.push(closing);
    else if (')]}'.includes(operator) && open.pop() !== operator) {
      throw this.#error('a bracket that does not match');
    }
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
  /\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U00(?:0[\da-fA-F]|10)[\da-fA-F]{4}|[0-7]{1,3}|[^])/g;
const LETTERS = 'abfnrtv\\\'"\n';
const MEANINGS = ['\x07', '\b', '\f', '\n', '\r', '\t', '\v', '\\', "'", '"', ''];

/** Python's escapes; a backslash before another letter stays. */
function unescape(text: string): string {
  return text.replaceAll(ESCAPE, (all, escape: string) => {
    if (/^[0-7]/.test(escape)) return String.fromCodePoint(Number.parseInt(escape, 8));
    if (escape.length > 1) return String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
    if ('xuUN'.includes(escape)) {
      throw new Refusal('has a string with an escape that is not complete');
    }
    return MEANINGS[LETTERS.indexOf(escape)] ?? all;
  });
}
