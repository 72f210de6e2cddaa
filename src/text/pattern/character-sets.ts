/** Whether a character, by its code point, belongs to a set. */
export type CharacterSet = (code: number) => boolean;

const WORD_MEMBERS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}';

/** A word's characters outside of brackets: there Oniguruma adds the numbers of Latin-1. */
export const WORD = matching(`${WORD_MEMBERS}²³¹¼½¾`);

/** Sets that are written as one letter after a backslash; the capital means the others. */
const ESCAPED_SETS = new Map<string, CharacterSet>([
  ['s', matching('\\p{White_Space}')],
  ['d', matching('\\p{Nd}')],
  ['w', WORD],
]);
const WORD_IN_CLASS = matching(WORD_MEMBERS);

/** The set of `\s`, `\D` …; undefined for other letters. */
export function escapedSet(letter: string, isInClass: boolean): CharacterSet | undefined {
  const lower = letter.toLowerCase();
  const set = lower === 'w' && isInClass ? WORD_IN_CLASS : ESCAPED_SETS.get(lower);
  return set && letter !== lower ? outside(set) : set;
}

/** The set of `\p{name}`, a property or a script of Unicode; undefined for others. */
export function propertySet(name: string): CharacterSet | undefined {
  for (const property of [name, `Script=${name}`]) {
    try {
      return matching(`\\p{${property}}`);
    } catch {
      // JavaScript does not know the property by this name.
    }
  }
  return undefined;
}

/** The code points from one to another. */
export function range(from: number, to: number): CharacterSet {
  return (code) => code >= from && code <= to;
}

export function anyOf(sets: readonly CharacterSet[]): CharacterSet {
  return (code) => sets.some((set) => set(code));
}

export function outside(set: CharacterSet): CharacterSet {
  return (code) => !set(code);
}

/** A set and the characters that differ from it in case alone. */
export function ignoringCase(set: CharacterSet): CharacterSet {
  return (code) => set(code) || otherCases(code).some(set);
}

/** The dotless i, which has a capital but is no other case of it. */
const DOTLESS_I = 0x131;

// Of one character after another all sets of a pattern are asked.
let lastCode = -1;
let lastCases: readonly number[] = [];

function otherCases(code: number): readonly number[] {
  if (code === DOTLESS_I) return [];
  if (code === lastCode) return lastCases;
  const character = String.fromCodePoint(code);
  const upper = character.toUpperCase();
  const cases = new Set([character.toLowerCase(), upper, upper.toLowerCase()]);
  lastCode = code;
  lastCases = Array.from(cases, (text) => [...text])
    .filter(({ length }) => length === 1)
    .map(([one]) => one!.codePointAt(0)!)
    .filter((other) => other !== code);
  return lastCases;
}

/** The browser's own tables of Unicode, asked a character at a time. */
function matching(members: string): CharacterSet {
  const pattern = new RegExp(`[${members}]`, 'u');
  return (code) => pattern.test(String.fromCodePoint(code));
}
