const BLANK = /\p{White_Space}/u;
/** What the reference takes for letters of a word, with the marks that may follow one. */
const LETTERS = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';
const LETTER_AT_START = new RegExp(`^${LETTERS}`, 'u');
const LETTER_AT_END = new RegExp(`${LETTERS}$`, 'u');

/** Whether a letter of a word ends at `start`, or stands at `end`. */
export function isInWord(text: string, start: number, end: number): boolean {
  return (
    LETTER_AT_END.test(text.slice(Math.max(0, start - 2), start)) ||
    LETTER_AT_START.test(text.slice(end, end + 2))
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
