import { TpaError } from '../../base/errors.ts';

/** A place in the source of a pattern, which is read from left to right. */
export class Cursor {
  readonly source: string;
  at = 0;

  constructor(source: string) {
    this.source = source;
  }

  get isAtEnd(): boolean {
    return this.at >= this.source.length;
  }

  sees(text: string): boolean {
    return this.source.startsWith(text, this.at);
  }

  /** Goes past a text if it is next. */
  accept(text: string): boolean {
    if (!this.sees(text)) return false;
    this.at += text.length;
    return true;
  }

  /** Goes past what a sticky expression matches, if it does. */
  match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.at;
    const found = expression.exec(this.source) ?? undefined;
    if (found !== undefined) this.at += found[0].length;
    return found;
  }

  /** The next character, which may be two units. */
  take(): number {
    const code = this.source.codePointAt(this.at);
    if (code === undefined) throw this.refuse('an end too early');
    this.at += code > 0xffff ? 2 : 1;
    return code;
  }

  refuse(found: string): TpaError {
    return refusedPattern(`it has ${found} before character ${this.at + 1}`);
  }
}

export function refusedPattern(found: string): TpaError {
  const message = `tokenizer.json: a pattern expected what runs in time linear in the text, but ${found}`;
  return new TpaError('TOKENIZER_INVALID', message);
}
