import { widthAt } from '../../pattern/matches.ts';
import { compilePattern, type Pattern } from '../../pattern/pattern.ts';
import { asObject, invalid, type JsonObject, readText } from '../fields.ts';

/** Published patterns have up to about 500 characters. */
const MAX_PATTERN_LENGTH = 1024;

/** What the reference takes for a letter of a word; with the marks that may follow one. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/** What has become punctuation since Unicode 8, whose table the reference has. */
const LATER =
  '61d 9fd a76 c77 c84 1b4e-1b4f 1b7d-1b7f 2e43-2e4f 2e52-2e5d 10d6e 10ead 10ed0 10f55-10f59 10f86-10f89 113d4-113d5 113d7-113d8 1144b-1144f 1145a-1145b 1145d 11660-1166c 116b9 1183b 11944-11946 119e2 11a3f-11a46 11a9a-11a9c 11a9e-11aa2 11b00-11b09 11be1 11c41-11c45 11c70-11c71 11ef7-11ef8 11f43-11f4f 11fff 12ff1-12ff2 16d6d-16d6f 16e97-16e9a 16fe2 1e5ff 1e95e-1e95f';

export const NUMERIC = charactersOf('\\p{N}');
const PUNCTUATION_MEMBERS = '\\p{P}$+<=>^`|~\\u{166d}\\u{111c9}';
export const PUNCTUATION = matcher(
  `(?![${LATER.replaceAll(/([\da-f]+) ?/g, '\\u{$1}')}])[${PUNCTUATION_MEMBERS}]`,
);
export const WHITESPACE = charactersOf('\\p{White_Space}');
/** Words, and what stands between words and blanks. */
export const WORDS = matcher(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`);

const WORD_AT_START = new RegExp(`^[${WORD}]`, 'u');
const WORD_AT_END = new RegExp(`[${WORD}]$`, 'u');
const BLANK = /\p{White_Space}/u;

/** Whether a letter of a word stands at a place, or ends there. */
export function isInWord(text: string, start: number, end: number): boolean {
  return (
    WORD_AT_END.test(text.slice(Math.max(0, start - 2), start)) ||
    WORD_AT_START.test(text.slice(end, end + 2))
  );
}

/** Where the blanks that end at `end` begin, not before `least`. */
export function blanksBefore(text: string, end: number, least: number): number {
  let start = end;
  while (start > least && BLANK.test(text[start - 1]!)) start--;
  return start;
}

/** Where the blanks that begin at `start` end. */
export function blanksAfter(text: string, start: number): number {
  let end = start;
  while (end < text.length && BLANK.test(text[end]!)) end++;
  return end;
}

/** A text, wherever it stands. */
export function literal(text: string): Pattern {
  return {
    scan: (inside) => ({
      find(from) {
        const start = inside.indexOf(text, from);
        return start < 0 ? undefined : { start, end: start + text.length };
      },
    }),
  };
}

/** The next `length` characters, or as many as are left. */
export function charactersAtATime(length: number): Pattern {
  return {
    scan: (text) => ({
      find(start) {
        let end = start;
        for (let i = 0; i < length && end < text.length; i++) end += widthAt(text, end);
        return end > start ? { start, end } : undefined;
      },
    }),
  };
}

/** The pattern of a step; a text means itself. */
export function readPattern(step: JsonObject): Pattern | string {
  const source = asObject('pattern', step['pattern']);
  if ('Regex' in source) return compilePattern(readText(source, 'Regex', MAX_PATTERN_LENGTH));
  if ('String' in source) return readText(source, 'String', MAX_PATTERN_LENGTH);
  throw invalid('"pattern" expected "Regex" or "String"');
}

function charactersOf(members: string): Pattern {
  return matcher(`[${members}]`);
}

/** An expression of ours, which is linear. */
function matcher(source: string): Pattern {
  const expression = new RegExp(source, 'gu');
  return {
    scan: (text) => ({
      find(from) {
        expression.lastIndex = from;
        const match = expression.exec(text);
        return match === null
          ? undefined
          : { start: match.index, end: match.index + match[0].length };
      },
    }),
  };
}
