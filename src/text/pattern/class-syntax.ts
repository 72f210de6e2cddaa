import {
  anyOf,
  type CharacterSet,
  escapedSet,
  ignoringCase,
  outside,
  propertySet,
  range,
} from './character-sets.ts';
import type { Cursor } from './cursor.ts';

const HEXADECIMAL = /x\{([0-9a-f]{1,6})\}|x([0-7][0-9a-f])|u([0-9a-f]{4})/iy;
const PROPERTY = /([pP])\{(\^?)([\w ]+)\}/y;
/** Characters 9 to 13 by the letters that are written after a backslash. */
const CONTROLS = 'tnvfr';

/** What a backslash and the characters behind it mean: one character, or a set of them. */
export function readEscape(cursor: Cursor, isInClass = false): number | CharacterSet {
  const property = cursor.match(PROPERTY);
  if (property !== undefined) {
    const [, letter, negation, name] = property;
    const set = propertySet(name!.replaceAll(' ', '_'));
    if (set === undefined) throw cursor.refuse('an unknown property');
    return (letter === 'P') !== (negation === '^') ? outside(set) : set;
  }
  const digits = cursor.match(HEXADECIMAL)?.slice(1).join('');
  if (digits !== undefined) {
    const code = parseInt(digits, 16);
    if (code > 0x10ffff) throw cursor.refuse('a number that is no character');
    return code;
  }
  const code = cursor.take();
  const letter = String.fromCodePoint(code);
  const control = CONTROLS.indexOf(letter);
  if (control >= 0) return 9 + control;
  const set = escapedSet(letter, isInClass);
  if (set !== undefined) return set;
  if (/[0-9A-Za-z]/.test(letter)) throw cursor.refuse(`"\\${letter}"`);
  return code;
}

/** A class in brackets, the first of which has been read. */
export function readClass(cursor: Cursor, ignoresCase: boolean): CharacterSet {
  const cased = ignoresCase ? ignoringCase : (set: CharacterSet): CharacterSet => set;
  const isNegated = cursor.accept('^');
  const intersected: CharacterSet[] = [];
  let members: CharacterSet[] = [];
  if (cursor.sees(']')) throw cursor.refuse('a class that begins with "]"');
  while (!cursor.accept(']')) {
    if (cursor.accept('&&')) {
      intersected.push(anyOf(members));
      members = [];
    } else members.push(readMember());
  }
  const all = [...intersected, anyOf(members)];
  const inAll: CharacterSet = (code) => all.every((part) => part(code));
  return isNegated ? outside(inAll) : inAll;

  function readMember(): CharacterSet {
    if (cursor.sees('[:')) throw cursor.refuse('a class by its name');
    if (cursor.accept('[')) return readClass(cursor, ignoresCase);
    const from = readOne();
    if (typeof from !== 'number') return cased(from);
    const isRange = cursor.sees('-') && !cursor.sees('-]') && !cursor.sees('-&&');
    if (!isRange) return cased(range(from, from));
    cursor.accept('-');
    const to = readOne();
    if (typeof to !== 'number' || to < from) throw cursor.refuse('a range that has no order');
    return cased(range(from, to));
  }

  function readOne(): number | CharacterSet {
    return cursor.accept('\\') ? readEscape(cursor, true) : cursor.take();
  }
}
