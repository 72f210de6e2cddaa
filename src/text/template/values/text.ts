import { type Budget, Refusal } from '../budget.ts';
import { find } from './comparison.ts';
import { hasPairs } from './value.ts';

/** What Python takes for blanks, and JavaScript's `trim` does not. */
const MORE_BLANKS = '\x1C\x1D\x1E\x1F\x85';

export type Side = 'left' | 'right' | 'both';

/**
 * The text without some characters, blanks if none are given, at its ends.
 *
 * @param plain the text as it is compared
 */
export function strip(
  text: string,
  side: Side = 'both',
  characters?: string,
  plain: string = text,
): string {
  const isPaired = characters !== undefined && hasPairs(characters + plain);
  const points = isPaired ? Array.from(plain) : plain;
  const dropped = new Set(characters);
  const isDropped = (point: string): boolean =>
    characters === undefined ? isBlank(point) : dropped.has(point);
  let [start, end] = [0, points.length];
  if (side !== 'right') while (start < end && isDropped(points[start]!)) start++;
  if (side !== 'left') while (end > start && isDropped(points[end - 1]!)) end--;
  if (typeof points === 'string') return text.slice(start, end);
  const before = points.slice(0, start).join('').length;
  return text.slice(before, before + points.slice(start, end).join('').length);
}

function isBlank(point: string): boolean {
  return point.trim() === '' ? point !== '\uFEFF' : MORE_BLANKS.includes(point);
}

/** Python's `split`: at a separator, or at blanks and without empty parts. */
export function split(
  budget: Budget,
  text: string,
  separator: string | undefined,
  limit: number,
): string[] {
  const parts: string[] = [];
  const most = limit < 0 ? Infinity : limit;
  budget.read(text.length);
  if (separator === undefined) {
    let at = 0;
    for (;;) {
      while (at < text.length && isBlank(text[at]!)) at++;
      if (at === text.length) return parts;
      budget.spend(1);
      if (parts.length === most) {
        parts.push(text.slice(at));
        return parts;
      }
      const start = at;
      while (at < text.length && !isBlank(text[at]!)) at++;
      parts.push(text.slice(start, at));
    }
  }
  if (separator === '') throw new Refusal('splits a text at an empty one');
  let start = 0;
  while (parts.length < most) {
    const at = find(budget, text, separator, start);
    if (at < 0) break;
    parts.push(text.slice(start, at));
    start = at + separator.length;
  }
  parts.push(text.slice(start));
  return parts;
}

/** Python's `replace`; an empty text is found before each character and at the end. */
export function replace(budget: Budget, text: string, old: string, by: string, limit = -1): string {
  if (old === '') budget.spend(text.length);
  const parts = old === '' ? ['', ...text, ''] : split(budget, text, old, limit);
  const count = limit < 0 ? parts.length - 1 : Math.min(limit, parts.length - 1);
  budget.write(text.length + count * (by.length - old.length));
  return parts.slice(0, count + 1).join(by) + parts.slice(count + 1).join('');
}

/** Texts with another between them. */
export function join(budget: Budget, between: string, parts: readonly string[]): string {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  budget.write(length + between.length * parts.length);
  return parts.join(between);
}
