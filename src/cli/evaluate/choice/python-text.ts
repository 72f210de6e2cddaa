/*
 * Text as Python's methods change it. Data sets and their prompts were made with them, and a space
 * more is another token.
 */

/** Control characters that are white space, besides Unicode's separators. */
const CONTROLS: ReadonlySet<string> = new Set('\t\n\v\f\r\u001C\u001D\u001E\u001F\u0085');

/** Where the white space at the end of a text begins. */
export function endOf(text: string): number {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1]!)) end--; // a pattern takes the square of a run's length
  return end;
}

/** A text without the white space about it. */
export function stripped(text: string): string {
  const end = endOf(text);
  let start = 0;
  while (start < end && isSpace(text[start]!)) start++;
  return text.slice(start, end);
}

/** Its first character as a capital, the others small. */
export function capitalized(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

function isSpace(unit: string): boolean {
  return CONTROLS.has(unit) || /\p{Z}/u.test(unit);
}
