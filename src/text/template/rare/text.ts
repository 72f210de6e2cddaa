import type { Budget } from '../budget.ts';
import { split, strip } from '../values/text.ts';

const LINE_ENDS = '\n\v\f\r\x1C\x1D\x1E\x85\u2028\u2029';
const LINE_END = new RegExp(`\r\n|[${LINE_ENDS}]`, 'g');

/** Python's `rsplit`, which counts its parts from the end. */
export function splitRight(
  budget: Budget,
  text: string,
  separator: string | undefined,
  limit: number,
): string[] {
  const parts = split(budget, text, separator, -1);
  if (limit < 0 || parts.length <= limit + 1) return parts;
  if (separator !== undefined) {
    const first = parts.slice(0, parts.length - limit).join(separator);
    return limit === 0 ? [first] : [first, ...parts.slice(-limit)];
  }
  const last = limit === 0 ? [] : parts.slice(-limit);
  let rest = strip(text, 'right');
  for (const part of last.toReversed()) rest = strip(rest.slice(0, -part.length), 'right');
  budget.spend(last.length);
  return [rest, ...last];
}

export function splitLines(budget: Budget, text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  budget.read(text.length);
  let start = 0;
  for (const { 0: end, index } of text.matchAll(LINE_END)) {
    budget.spend(1);
    lines.push(text.slice(start, index + (keepEnds ? end.length : 0)));
    start = index + end.length;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

/** A text between blanks so that it takes `width` characters; `left` of them go before it. */
export function pad(
  budget: Budget,
  text: string,
  missing: number,
  left: number,
  fill = ' ',
): string {
  if (missing <= 0) return text;
  budget.write(text.length + missing * fill.length);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}

export function capitalize(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Whether a text has letters that could be another, and all are of one case. */
export function hasCase(
  budget: Budget,
  text: string,
  change: 'toLowerCase' | 'toUpperCase',
): boolean {
  budget.read(4 * text.length);
  return text[change]() === text && text.toLowerCase() !== text.toUpperCase();
}
