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
const UNENDED = 'a comment or "raw" without an end';
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
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;

  const refusal = (what: string): Refusal => new Refusal(`has ${what} in line ${line}`);

  function push(type: Token['type'], value: string, from = line): void {
    if (tokens.length === MAX_TOKENS) throw refusal(`more than ${MAX_TOKENS} tokens`);
    tokens.push({ type, value, line: from });
  }

  function skipTo(end: number): void {
    for (; at < end; at++) if (source[at] === '\n') line++;
  }

  /** What a pattern finds here, which is passed. */
  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match !== null) skipTo(at + match[0].length);
    return match;
  }

  /** The text up to a tag, whose sign says what becomes of the blanks before it. */
  function pushText(end: number, sign: string | undefined): void {
    let text = source.slice(at, end);
    if (sign === '-') {
      text = strip(text, 'right');
    } else if (sign !== '+') {
      const lineStart = text.lastIndexOf('\n') + 1;
      const isAtStart = lineStart > 0 || at === 0 || source[at - 1] === '\n';
      if (isAtStart && strip(text.slice(lineStart)) === '') text = text.slice(0, lineStart);
    }
    if (text !== '') push('text', text);
    skipTo(end);
  }

  function pushRaw(): void {
    END_RAW.lastIndex = at;
    const end = END_RAW.exec(source);
    if (end === null) throw refusal(UNENDED);
    pushText(end.index, end[1]);
    skipTo(end.index + end[0].length);
  }

  /** The tokens between the delimiters of a tag. */
  function pushCode(isPrint: boolean): void {
    push('begin', isPrint ? '{{' : '{%');
    take(BEGIN);
    const open: string[] = [];
    for (;;) {
      take(SPACE);
      const from = line;
      if (open.length === 0 && take(isPrint ? END_PRINT : END_BLOCK) !== null) {
        push('end', isPrint ? '}}' : '%}', from);
        return;
      }
      const groups = Object.entries(take(TOKEN)?.groups ?? {});
      const [type, text] = groups.find(([, found]) => found !== undefined) ?? [];
      if (text === undefined) throw refusal('a character that Jinja does not know');
      if (type === 'operator' && !isPaired(open, text)) {
        throw refusal('a bracket that does not match');
      }
      // The form in which Python compares names; the rest is ASCII.
      const value = type === 'string' ? unescape(text.slice(1, -1)) : text.normalize('NFKC');
      push(type as Token['type'], value, from);
    }
  }

  for (;;) {
    TAG.lastIndex = at;
    const start = TAG.exec(source)?.index ?? source.length;
    const [, kind, sign] = source.slice(start, start + 3);
    const isPrint = kind === '{';
    pushText(start, kind === undefined || (isPrint && sign !== '-') ? '+' : sign);
    if (kind === undefined) return tokens;
    if (kind === '#') {
      if (take(COMMENT) === null) throw refusal(UNENDED);
    } else if (take(RAW) !== null) pushRaw();
    else pushCode(isPrint);
  }
}

/** Notes a bracket that opens; false for one that closes and is not the last one's. */
function isPaired(open: string[], operator: string): boolean {
  const closing = CLOSING[operator];
  if (closing !== undefined) open.push(closing);
  return !')]}'.includes(operator) || open.pop() === operator;
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
