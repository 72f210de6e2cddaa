import { type CharacterSet, ignoringCase, range, WORD } from './character-sets.ts';
import { readClass, readEscape } from './class-syntax.ts';
import { Cursor } from './cursor.ts';
import { ANY, type Condition, type ParsedPattern, type PatternNode } from './syntax.ts';

/** Most repetitions that a count may ask for: published patterns ask for 3. */
const MAX_COUNT = 1000;

const EMPTY: PatternNode = { kind: 'sequence', parts: [] };
const REPETITION = /[*+?]|\{(\d*)(,?)(\d*)\}/y;
const LOOK = /\(\?(<?)([=!])/y;
/** Texts that Unicode folds into one character: ß, ﬀ, ﬁ, ﬂ, ﬅ. */
const FOLDED_TOGETHER = /^(?:ss|st|f[fil])$/i;

/**
 * Reads a pattern as Oniguruma does, in the syntax that tokenizer.json is written in.
 *
 * @throws TpaError `TOKENIZER_INVALID` naming what an automaton cannot do
 */
export function parsePattern(source: string): ParsedPattern {
  return new Parser(source).parse();
}

class Parser {
  readonly #cursor: Cursor;
  readonly #sets: CharacterSet[] = [() => true];
  readonly #numbers = new Map<string, number>();
  #ignoresCase = false;
  #looksBehind = false;
  /** The letter just read, where letters of either case are meant. */
  #lastLetter = '';

  constructor(source: string) {
    this.#cursor = new Cursor(source);
  }

  parse(): ParsedPattern {
    const root = this.#choice();
    if (!this.#cursor.isAtEnd) throw this.#cursor.refuse('a ")" that closes nothing');
    return { root, sets: this.#sets, looksBehind: this.#looksBehind };
  }

  /** Alternatives up to the end of the group. */
  #choice(): PatternNode {
    const parts = [this.#sequence()];
    while (this.#cursor.accept('|')) parts.push(this.#sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    this.#lastLetter = '';
    while (!this.#cursor.isAtEnd && !this.#cursor.sees('|') && !this.#cursor.sees(')')) {
      const part = this.#repeated();
      if (part !== EMPTY) parts.push(part);
    }
    if (parts.length === 0) return EMPTY;
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  #repeated(): PatternNode {
    let node = this.#atom();
    for (let found = this.#repetition(); found !== undefined; found = this.#repetition()) {
      if (node.kind === 'place' || node.kind === 'look')
        throw this.#cursor.refuse('a repeated place');
      const [text, low = '', comma = '', high = ''] = found;
      const isSign = text.length === 1;
      const min = isSign ? Number(text === '+') : Number(low);
      const open = isSign ? (text === '?' ? 1 : Infinity) : high === '' ? Infinity : Number(high);
      const max = isSign || comma === ',' ? open : min;
      if (min > max) throw this.#cursor.refuse('a count from more to less');
      if (Math.max(min, max === Infinity ? 0 : max) > MAX_COUNT) {
        throw this.#cursor.refuse(`a count above ${MAX_COUNT}`);
      }
      // In this syntax {2}? and {2,3}+ are two repetitions, one of the other.
      if (isSign && this.#cursor.accept('+')) node = this.#possessive(node, min, max);
      else {
        const isGreedy = !((isSign || comma === ',') && this.#cursor.accept('?'));
        const isNothing = max === 0 || node === EMPTY;
        node = isNothing ? EMPTY : { kind: 'repeat', body: node, min, max, isGreedy };
      }
    }
    return node;
  }

  #repetition(): RegExpExecArray | undefined {
    // Braces without a number mean themselves.
    return this.#cursor.sees('{}') || this.#cursor.sees('{,}')
      ? undefined
      : this.#cursor.match(REPETITION);
  }

  /** What gives nothing back: of one set, a repetition that ends where the set does. */
  #possessive(node: PatternNode, min: number, max: number): PatternNode {
    if (node.kind !== 'set') {
      throw this.#cursor.refuse('a possessive repetition of more than one character');
    }
    const end: PatternNode = { kind: 'look', body: node, isWanted: false };
    if (max === 1) return { kind: 'choice', parts: [node, end] };
    const run: PatternNode = { kind: 'repeat', body: node, min, max, isGreedy: true };
    return { kind: 'sequence', parts: [run, end] };
  }

  #atom(): PatternNode {
    const cursor = this.#cursor;
    const letterBefore = this.#lastLetter;
    this.#lastLetter = '';
    const start = cursor.at;
    if (cursor.sees('(')) return this.#group();
    if (cursor.accept('^')) return this.#behind(this.#lineStart());
    if (cursor.accept('$')) {
      const newline = this.#newline();
      return place((_, after) => after[ANY] === 0 || after[newline] === 1);
    }
    if (cursor.accept('.')) return this.#set('.', (code) => code !== 10);
    if (cursor.accept('[')) {
      const set = readClass(cursor, this.#ignoresCase);
      return this.#set(`${cursor.source.slice(start, cursor.at)}${this.#ignoresCase}`, set);
    }
    if (cursor.accept('\\')) {
      const anchor = this.#anchor();
      if (anchor !== undefined) return anchor;
      const meant = readEscape(cursor);
      if (typeof meant === 'number') return this.#literal(meant, letterBefore);
      return this.#set(cursor.source.slice(start, cursor.at), meant);
    }
    if (cursor.match(/[*+?]/y)) throw cursor.refuse('a repetition of nothing');
    return this.#literal(cursor.take(), letterBefore);
  }

  #literal(code: number, letterBefore: string): PatternNode {
    const text = String.fromCodePoint(code);
    if (!this.#ignoresCase) return this.#set(text, range(code, code));
    this.#lastLetter = text;
    if (code > 127 || FOLDED_TOGETHER.test(letterBefore + text)) {
      throw this.#cursor.refuse('letters of either case that Unicode writes as one');
    }
    return this.#set(`${text}i`, ignoringCase(range(code, code)));
  }

  #group(): PatternNode {
    const cursor = this.#cursor;
    const look = cursor.match(LOOK);
    if (look !== undefined) return this.#look(look[1] === '<', look[2] === '=');
    const ignoresCase = this.#ignoresCase;
    if (cursor.accept('(?i)')) {
      // The rest of the group; its end belongs to the group itself.
      this.#ignoresCase = true;
      const rest = this.#choice();
      this.#ignoresCase = ignoresCase;
      return rest;
    }
    if (cursor.accept('(?i:')) this.#ignoresCase = true;
    else if (cursor.accept('(?-i:')) this.#ignoresCase = false;
    else if (!cursor.accept('(?:') && !cursor.match(/\((?!\?)|\(\?<\w+>/y)) {
      throw cursor.refuse('a group of an unknown kind');
    }
    const body = this.#choice();
    this.#close();
    this.#ignoresCase = ignoresCase;
    return body;
  }

  /** `(?=x)`, `(?!x)`, and of one character `(?<=x)`, `(?<!x)`. */
  #look(isBehind: boolean, isWanted: boolean): PatternNode {
    const body = this.#choice();
    this.#close();
    if (!isBehind) return { kind: 'look', body, isWanted };
    if (body.kind !== 'set') throw this.#cursor.refuse('a look behind at more than one character');
    const { set } = body;
    const wanted = Number(isWanted);
    return this.#behind((before) => before[set] === wanted);
  }

  #close(): void {
    if (!this.#cursor.accept(')')) throw this.#cursor.refuse('a group without an end');
    this.#lastLetter = '';
  }

  /** Places and sequences that are written with a backslash. */
  #anchor(): PatternNode | undefined {
    const cursor = this.#cursor;
    if (cursor.accept('A')) return this.#behind((before) => before[ANY] === 0);
    if (cursor.accept('z')) return place((_, after) => after[ANY] === 0);
    const boundary = cursor.match(/b/iy)?.[0];
    if (boundary !== undefined) {
      const word = this.#setNumber('\\w', WORD);
      const differs = boundary === 'b';
      return this.#behind((before, after) => (before[word] !== after[word]) === differs);
    }
    if (!cursor.accept('R')) return undefined;
    const newline = this.#newline();
    const carriageReturn = this.#set('\r', range(13, 13));
    const others = this.#set('\\R', (code) => LINE_ENDS.has(code));
    const alone = place((_, after) => after[newline] === 0);
    const pair: PatternNode = { kind: 'set', set: newline };
    return {
      kind: 'choice',
      parts: [
        { kind: 'sequence', parts: [carriageReturn, { kind: 'choice', parts: [pair, alone] }] },
        others,
      ],
    };
  }

  #newline(): number {
    return this.#setNumber('\n', range(10, 10));
  }

  /** The start of the text, or behind a newline that is not the last character. */
  #lineStart(): Condition {
    const newline = this.#newline();
    return (before, after) => before[ANY] === 0 || (before[newline] === 1 && after[ANY] === 1);
  }

  #behind(holds: Condition): PatternNode {
    this.#looksBehind = true;
    return place(holds);
  }

  #set(key: string, set: CharacterSet): PatternNode {
    return { kind: 'set', set: this.#setNumber(key, set) };
  }

  #setNumber(key: string, set: CharacterSet): number {
    const known = this.#numbers.get(key) ?? this.#sets.length;
    if (known === this.#sets.length) this.#sets.push(set);
    this.#numbers.set(key, known);
    return known;
  }
}

const LINE_ENDS: ReadonlySet<number> = new Set([10, 11, 12, 0x85, 0x2028, 0x2029]);

function place(holds: Condition): PatternNode {
  return { kind: 'place', holds };
}
