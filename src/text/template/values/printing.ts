import { type Budget } from '../budget.ts';
import {
  expected,
  Float,
  isDict,
  isList,
  Range,
  Tuple,
  UNDEFINED,
  type Value,
  View,
} from './value.ts';

/** What Python's `str()` gives. */
export function print(budget: Budget, value: Value): string {
  if (typeof value === 'string') return value;
  if (value === UNDEFINED) return '';
  const text = represent(budget, value);
  budget.write(text.length);
  return text;
}

/** What Python's `repr()` gives, as values within lists and mappings are written. */
export function represent(budget: Budget, value: Value): string {
  const text = budget.within(() => representOne(budget, value));
  budget.read(text.length);
  return text;
}

function representOne(budget: Budget, value: Value): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quote(value);
  if (value instanceof Float) return printFloat(value.value);
  if (value === UNDEFINED) return 'Undefined';
  const list = (items: readonly Value[]): string =>
    items.map((item) => represent(budget, item)).join(', ');
  if (value instanceof Range && value.source !== '') return value.source;
  if (value instanceof Tuple) return value.length === 1 ? `(${list(value)},)` : `(${list(value)})`;
  if (isList(value)) return `[${list(value)}]`;
  if (value instanceof View) return `${value.name}([${list(value.items)}])`;
  if (isDict(value)) {
    const entries = Array.from(
      value,
      ([key, item]) => `${represent(budget, key)}: ${represent(budget, item)}`,
    );
    return `{${entries.join(', ')}}`;
  }
  throw expected('a value to write as text', value);
}

export function printFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value).toLowerCase().replace('inity', '');
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e16))
    return Number.isInteger(value) ? `${value}.0` : String(value);
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

/** Private-use characters may stand for others in messages, so they are written as they are. */
const HIDDEN = /[^\P{C}\uE000-\uF8FF]|[^\P{Z} ]|[\\'\n\r\t]/gu;

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escape = (point: string): string => {
    if (point === "'") return mark === "'" ? "\\'" : "'";
    if ('\\\n\r\t'.includes(point)) return JSON.stringify(point).slice(1, -1);
    const code = point.codePointAt(0)!;
    const hex = (letter: string, length: number): string =>
      `\\${letter}${code.toString(16).padStart(length, '0')}`;
    return code < 0x100 ? hex('x', 2) : code < 0x10000 ? hex('u', 4) : hex('U', 8);
  };
  return mark + text.replaceAll(HIDDEN, escape) + mark;
}
