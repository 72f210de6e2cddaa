import { Refusal } from '../budget.ts';
import type { Token } from './lexer.ts';

/** Expressions and blocks within each other; published templates have about ten. */
const MAX_NESTED = 100;
const AFTER: Token = { type: 'end', value: '', line: 0 };

/** Walks the tokens, and notes what the parts of the parser want to know of each other. */
export class TokenReader {
  /** Text constants, and variables that are read, in the order of the source. */
  readonly literals: string[] = [];
  readonly names: string[] = [];
  readonly #tokens: readonly Token[];
  #at = 0;
  #nested = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The next token, or the one so many behind it. */
  peek(ahead = 0): Token {
    return this.#tokens[this.#at + ahead] ?? AFTER;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  /** Whether a token of that type comes next, one of some values if there are any. */
  is(type: Token['type'], ...values: readonly string[]): boolean {
    const next = this.peek();
    return next.type === type && (values.length === 0 || values.includes(next.value));
  }

  /** Whether a constant, a name or a bracket comes next. */
  get isOperand(): boolean {
    const { type } = this.peek();
    if (type === 'operator') return this.is(type, '(', '[', '{');
    return type !== 'text' && type !== 'begin' && type !== 'end';
  }

  skip(type: Token['type'], value: string): boolean {
    const isThere = this.is(type, value);
    if (isThere) this.#at++;
    return isThere;
  }

  expect(type: Token['type'], ...value: [] | [string]): Token {
    if (!this.is(type, ...value))
      throw this.wrong(value.length === 0 ? `a ${type}` : `"${value[0]}"`);
    return this.next();
  }

  wrong(expected: string): Refusal {
    const line = this.isAtEnd ? 'at its end' : `in line ${this.peek().line}`;
    return new Refusal(`expected ${expected} ${line}`);
  }

  /** Parses something that may hold the like of itself. */
  nest<T>(parse: () => T): T {
    if (++this.#nested > MAX_NESTED) throw new Refusal(`nests more than ${MAX_NESTED} levels`);
    const result = parse();
    this.#nested--;
    return result;
  }
}
