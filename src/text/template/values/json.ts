import type { Budget } from '../budget.ts';
import { printFloat } from './printing.ts';
import { compare } from './comparison.ts';
import {
  expected,
  Float,
  isDict,
  isTrue,
  itemsOf,
  type Key,
  Range,
  sizeOf,
  textOf,
  type Value,
} from './value.ts';

interface Style {
  readonly isAscii: boolean;
  readonly isSorted: boolean;
  readonly indent: string | undefined;
  readonly item: string;
  readonly key: string;
}

/** The filter `tojson` of transformers, which is Python's `json.dumps`. */
export function toJson(
  budget: Budget,
  value: Value,
  ensureAscii: Value = false,
  indent: Value = null,
  separators: Value = null,
  sortKeys: Value = false,
): string {
  const [item, key] =
    separators === null ? [indent === null ? ', ' : ',', ': '] : itemsOf(budget, separators);
  const style = {
    isAscii: isTrue(ensureAscii),
    isSorted: isTrue(sortKeys),
    indent: indentOf(budget, indent),
    item: textOf(item!),
    key: textOf(key ?? null),
  };
  const text = write(budget, value, style, '\n');
  budget.write(text.length);
  return text;
}

function indentOf(budget: Budget, indent: Value): string | undefined {
  if (indent === null) return undefined;
  if (typeof indent === 'string') return indent;
  const width = Math.max(0, Number(indent));
  if (!Number.isInteger(width)) throw expected('an integer to indent by', indent);
  budget.write(width);
  return ' '.repeat(width);
}

/** @param line a line break and the blanks that the value's own line begins with */
function write(budget: Budget, value: Value, style: Style, line: string): string {
  budget.enter();
  const text = writeOne(budget, value, style, line);
  budget.leave();
  budget.read(text.length);
  return text;
}

function writeOne(budget: Budget, value: Value, style: Style, line: string): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') {
    return String(value);
  }
  if (typeof value === 'string') return writeText(value, style);
  if (value instanceof Float) return writeFloat(value.value);
  const isList = Array.isArray(value);
  if (value instanceof Range || !(isList || isDict(value))) {
    throw expected('a value that JSON can hold', value);
  }
  const [open, close] = isList ? '[]' : '{}';
  if (sizeOf(budget, value) === 0) return `${open}${close}`;
  const inner = style.indent === undefined ? '' : line + style.indent;
  if (inner.length > budget.maxLength) budget.write(inner.length);
  const parts = isList
    ? value.map((item) => write(budget, item, style, inner))
    : entriesOf(budget, value, style).map(
        ([key, item]) =>
          writeText(keyOf(key), style) + style.key + write(budget, item, style, inner),
      );
  budget.write(parts.length * (inner.length + style.item.length));
  const outer = style.indent === undefined ? '' : line;
  return open + inner + parts.join(style.item + inner) + outer + close;
}

function entriesOf(
  budget: Budget,
  dict: ReadonlyMap<Key, Value>,
  { isSorted }: Style,
): (readonly [Key, Value])[] {
  const entries = [...dict];
  return isSorted ? entries.toSorted(([a], [b]) => compare(budget, a, b)) : entries;
}

function keyOf(key: Key): string {
  return typeof key === 'string' ? key : String(key);
}

function writeFloat(value: number): string {
  if (Number.isFinite(value)) return printFloat(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

function writeText(text: string, { isAscii }: Style): string {
  const quoted = JSON.stringify(text);
  if (!isAscii) return quoted;
  return quoted.replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
