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
  const cursor = new Cursor(source);
  const sets: CharacterSet[] = [() => true];
  const numbers = new Map<string, number>();
  let ignoresCase = false;
  let looksBehind = false;
  /** The letter just read, where letters of either case are meant. */
  let lastLetter = '';
  const root = choice();
  if (!cursor.isAtEnd) throw cursor.refuse('a ")" that closes nothing');
  return { root, sets, looksBehind };

  /** Alternatives up to the end of the group. */
  function choice(): PatternNode {
    const parts = [sequence()];
    while (cursor.accept('|')) parts.push(sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  function sequence(): PatternNode {
    const parts: PatternNode[] = [];
    lastLetter = '';
    while (!cursor.isAtEnd && !cursor.sees('|') && !cursor.sees(')')) {
      const part = repeated();
      if (part !== EMPTY) parts.push(part);
    }
    if (parts.length === 0) return EMPTY;
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  function repeated(): PatternNode {
    let node = atom();
    for (let found = repetition(); found !== undefined; found = repetition()) {
      if (node.kind === 'place' || node.kind === 'look') throw cursor.refuse('a repeated place');
      const [text, low = '', comma = '', high = ''] = found;
      const isSign = text.length === 1;
      const min = isSign ? Number(text === '+') : Number(low);
      const open = isSign ? (text === '?' ? 1 : Infinity) : high === '' ? Infinity : Number(high);
      const max = isSign || comma === ',' ? open : min;
      if (min > max) throw cursor.refuse('a count from more to less');
      if (Math.max(min, max === Infinity ? 0 : max) > MAX_COUNT) {
        throw cursor.refuse(`a count above ${MAX_COUNT}`);
      }
      // In this syntax {2}? and {2,3}+ are two repetitions, one of the other.
      if (isSign && cursor.accept('+')) node = possessive(node, min, max);
      else {
        const isGreedy = !((isSign || comma === ',') && cursor.accept('?'));
        const isNothing = max === 0 || node === EMPTY;
        node = isNothing ? EMPTY : { kind: 'repeat', body: node, min, max, isGreedy };
      }
    }
    return node;
  }

  function repetition(): RegExpExecArray | undefined {
    // Braces without a number mean themselves.
    return cursor.sees('{}') || cursor.sees('{,}') ? undefined : cursor.match(REPETITION);
  }

  /** What gives nothing back: of one set, a repetition that ends where the set does. */
  function possessive(node: PatternNode, min: number, max: number): PatternNode {
    if (node.kind !== 'set') {
      throw cursor.refuse('a possessive repetition of more than one character');
    }
    const end: PatternNode = { kind: 'look', body: node, isWanted: false };
    if (max === 1) return { kind: 'choice', parts: [node, end] };
    const run: PatternNode = { kind: 'repeat', body: node, min, max, isGreedy: true };
    return { kind: 'sequence', parts: [run, end] };
  }

  function atom(): PatternNode {
    const letterBefore = lastLetter;
    lastLetter = '';
    const start = cursor.at;
    if (cursor.sees('(')) return group();
    if (cursor.accept('^')) return behind(lineStart());
    if (cursor.accept('$')) {
      const lineEnd = newline();
      return place((_, after) => after[ANY] === 0 || after[lineEnd] === 1);
    }
    if (cursor.accept('.')) return set('.', (code) => code !== 10);
    if (cursor.accept('[')) {
      const members = readClass(cursor, ignoresCase);
      return set(`${cursor.source.slice(start, cursor.at)}${ignoresCase}`, members);
    }
    if (cursor.accept('\\')) {
      const sign = cursor.match(/b/iy)?.[0];
      if (sign !== undefined) return boundary(sign === 'b');
      const meant = readEscape(cursor);
      if (typeof meant === 'number') return literal(meant, letterBefore);
      return set(cursor.source.slice(start, cursor.at), meant);
    }
    if (cursor.match(/[*+?]/y)) throw cursor.refuse('a repetition of nothing');
    return literal(cursor.take(), letterBefore);
  }

  function literal(code: number, letterBefore: string): PatternNode {
    const text = String.fromCodePoint(code);
    if (!ignoresCase) return set(text, range(code, code));
    lastLetter = text;
    if (code > 127 || FOLDED_TOGETHER.test(letterBefore + text)) {
      throw cursor.refuse('letters of either case that Unicode writes as one');
    }
    return set(`${text}i`, ignoringCase(range(code, code)));
  }

  function group(): PatternNode {
    const sign = cursor.match(LOOK);
    if (sign !== undefined) return look(sign[1] === '<', sign[2] === '=');
    const wasIgnoring = ignoresCase;
    if (cursor.accept('(?i:')) ignoresCase = true;
    else if (!cursor.accept('(?:') && !cursor.match(/\((?!\?)/y)) {
      throw cursor.refuse('a group of an unknown kind');
    }
    const body = choice();
    close();
    ignoresCase = wasIgnoring;
    return body;
  }

  /** `(?=x)`, `(?!x)`, and of one character `(?<=x)`, `(?<!x)`. */
  function look(isBehind: boolean, isWanted: boolean): PatternNode {
    const body = choice();
    close();
    if (!isBehind) return { kind: 'look', body, isWanted };
    if (body.kind !== 'set') throw cursor.refuse('a look behind at more than one character');
    const wanted = Number(isWanted);
    return behind((before) => before[body.set] === wanted);
  }

  function close(): void {
    if (!cursor.accept(')')) throw cursor.refuse('a group without an end');
    lastLetter = '';
  }

  function newline(): number {
    return setNumber('\n', range(10, 10));
  }

  /** The start of the text, or behind a newline that is not the last character. */
  function lineStart(): Condition {
    const lineEnd = newline();
    return (before, after) => before[ANY] === 0 || (before[lineEnd] === 1 && after[ANY] === 1);
  }

  /** Where one side is a letter of a word and the other is not, or where that is not so. */
  function boundary(isWanted: boolean): PatternNode {
    const word = setNumber('\\w', WORD);
    return behind((before, after) => (before[word] !== after[word]) === isWanted);
  }

  function behind(holds: Condition): PatternNode {
    looksBehind = true;
    return place(holds);
  }

  function set(key: string, members: CharacterSet): PatternNode {
    return { kind: 'set', set: setNumber(key, members) };
  }

  function setNumber(key: string, members: CharacterSet): number {
    const known = numbers.get(key) ?? sets.length;
    if (known === sets.length) sets.push(members);
    numbers.set(key, known);
    return known;
  }
}

function place(holds: Condition): PatternNode {
  return { kind: 'place', holds };
}
