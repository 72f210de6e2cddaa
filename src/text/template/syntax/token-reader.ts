import { Refusal } from '../budget.ts';
import type { Token } from './lexer.ts';

/** Expressions and blocks within each other; published templates have about ten. */
const MAX_NESTED = 100;
const AFTER: Token = { type: 'end', value: '', line: 0 };

/** A text constant of a template, and whether it may be looked for in messages. */
export interface Literal {
  readonly text: string;
  isSought: boolean;
}

/** Walks the tokens, and notes what the parts of the parser want to know of each other. */
export class TokenReader {
  readonly literals: Literal[] = [];
  /** Variables that are read, in the order of the source. */
  readonly names: string[] = [];
  readonly #tokens: readonly Token[];
  #at = 0;
  #nested = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get token(): Token {
    return this.#tokens[this.#at] ?? AFTER;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  next(): Token {
    const { token } = this;
    this.#at++;
    return token;
  }

  /** The next token but one. */
  peek(): Token {
    return this.#tokens[this.#at + 1] ?? AFTER;
  }

  is(type: Token['type'], value?: string): boolean {
    return this.token.type === type && (value === undefined || this.token.value === value);
  }

  /** Whether a constant, a name or a bracket comes next. */
  get isOperand(): boolean {
    const { type, value } = this.token;
    if (type === 'operator') return value === '(' || value === '[' || value === '{';
    return type !== 'text' && type !== 'begin' && type !== 'end';
  }

  isName(...names: readonly string[]): boolean {
    return this.token.type === 'name' && names.includes(this.token.value);
  }

  skip(type: Token['type'], value: string): boolean {
    const isThere = this.is(type, value);
    if (isThere) this.#at++;
    return isThere;
  }

  expect(type: Token['type'], value?: string): Token {
    if (!this.is(type, value)) throw this.wrong(value === undefined ? `a ${type}` : `"${value}"`);
    return this.next();
  }

  wrong(expected: string): Refusal {
    const line = this.isAtEnd ? 'at its end' : `in line ${this.token.line}`;
    return new Refusal(`expected ${expected} ${line}`);
  }

  /** Parses something that may hold the like of itself. */
  nest<T>(parse: () => T): T {
    if (++this.#nested > MAX_NESTED) throw new Refusal(`nests more than ${MAX_NESTED} levels`);
    const result = parse();
    this.#nested--;
    return result;
  }

  /** Marks the literals from one on as text that may be looked for in messages. */
  seek(from: number): void {
    for (let i = from; i < this.literals.length; i++) this.literals[i]!.isSought = true;
  }
}
