/** Whether a character, by its code point, belongs to a set. */
export type CharacterSet = (code: number) => boolean;

/** Characters that are written as one letter after a backslash. */
export const CONTROL_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
  ['e', 27],
]);

/** What Oniguruma means by the names of POSIX, in classes of JavaScript. */
const POSIX: ReadonlyMap<string, string> = new Map([
  ['alnum', '\\p{Alphabetic}\\p{Nd}'],
  ['alpha', '\\p{Alphabetic}'],
  ['blank', '\\p{Zs}\\t'],
  ['cntrl', '\\p{Cc}'],
  ['digit', '\\p{Nd}'],
  ['lower', '\\p{Lowercase}'],
  ['punct', '\\p{P}\\p{S}'],
  ['space', '\\p{White_Space}'],
  ['upper', '\\p{Uppercase}'],
  ['word', '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}'],
  ['xdigit', '0-9A-Fa-f'],
]);

/** Sets that are written as one letter after a backslash; the capital means the others. */
const CLASS_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['s', 'space'],
  ['d', 'digit'],
  ['w', 'word'],
  ['h', 'xdigit'],
]);

/** A word's characters outside of brackets: there Oniguruma adds the numbers of Latin-1. */
export const WORD = matching(`${POSIX.get('word')}²³¹¼½¾`);

/** The set of `\s`, `\D` …; undefined for other letters. */
export function escapedSet(letter: string, isInClass: boolean): CharacterSet | undefined {
  const name = CLASS_ESCAPES.get(letter.toLowerCase());
  if (name === undefined) return undefined;
  const set = name === 'word' && !isInClass ? WORD : posixSet(name)!;
  return letter === letter.toLowerCase() ? set : outside(set);
}

/** The set of `[:name:]`; undefined for names that POSIX does not have. */
export function posixSet(name: string): CharacterSet | undefined {
  const members = POSIX.get(name);
  return members === undefined ? undefined : matching(members);
}

/** The set of `\p{name}`: a name of POSIX, a property or a script of Unicode; undefined for others. */
export function propertySet(name: string, isInClass: boolean): CharacterSet | undefined {
  const lower = name.toLowerCase();
  if (lower === 'word' && !isInClass) return WORD;
  const posix = lower === 'punct' ? undefined : posixSet(lower);
  if (posix !== undefined) return posix;
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

/** The dotless i, which has a capital but is no other case of it. */
const DOTLESS_I = 0x131;

/** A set and the characters that differ from it in case alone. */
export function ignoringCase(set: CharacterSet): CharacterSet {
  return (code) => {
    if (set(code) || code === DOTLESS_I) return set(code);
    const character = String.fromCodePoint(code);
    const upper = character.toUpperCase();
    return [character.toLowerCase(), upper, upper.toLowerCase()].some((other) => {
      const folded = other.codePointAt(0)!;
      return String.fromCodePoint(folded) === other && set(folded);
    });
  };
}

/** The browser's own tables of Unicode, asked a character at a time. */
function matching(members: string): CharacterSet {
  const pattern = new RegExp(`[${members}]`, 'u');
  return (code) => pattern.test(String.fromCodePoint(code));
}
