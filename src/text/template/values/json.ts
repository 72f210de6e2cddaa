import type { Budget } from '../budget.ts';
import { printFloat } from './printing.ts';
import { compare } from './comparison.ts';
import {
  type Dict,
  expected,
  Float,
  intOf,
  isDict,
  isTrue,
  itemsOf,
  type Key,
  Range,
  textOf,
  type Value,
} from './value.ts';

/** The filter `tojson` of transformers, which is Python's `json.dumps`. */
export function toJson(
  budget: Budget,
  value: Value,
  ensureAscii: Value = false,
  indent: Value = null,
  separators: Value = null,
  sortKeys: Value = false,
): string {
  const step = indentOf(budget, indent);
  const pair =
    separators === null
      ? [step === undefined ? ', ' : ',', ': ']
      : itemsOf(budget, separators).map(textOf);
  if (pair.length !== 2) throw expected('two separators', separators);
  const [comma = '', colon = ''] = pair;

  function quote(text: string): string {
    const quoted = JSON.stringify(text);
    if (!isTrue(ensureAscii)) return quoted;
    return quoted.replaceAll(/[^ -~]/g, escape);
  }

  function entriesOf(dict: Dict): (readonly [Key, Value])[] {
    const entries = [...dict];
    return isTrue(sortKeys) ? entries.toSorted(([a], [b]) => compare(budget, a, b)) : entries;
  }

  /** @param line a line break and the blanks that the value's own line begins with */
  function write(one: Value, line: string): string {
    const text = budget.within(() => writeOne(one, line));
    budget.read(text.length);
    return text;
  }

  function writeOne(one: Value, line: string): string {
    if (one === null || typeof one === 'boolean' || typeof one === 'number') return String(one);
    if (typeof one === 'string') return quote(one);
    if (one instanceof Float) {
      return Number.isFinite(one.value) ? printFloat(one.value) : String(one.value);
    }
    const isList = Array.isArray(one);
    if (one instanceof Range || !(isList || isDict(one))) {
      throw expected('a value that JSON can hold', one);
    }
    const [inner, outer] = step === undefined ? ['', ''] : [line + step, line];
    if (inner.length > budget.maxLength) budget.write(inner.length);
    const parts = isList
      ? one.map((item) => write(item, inner))
      : entriesOf(one).map(([key, item]) => quote(String(key)) + colon + write(item, inner));
    const [open, close] = isList ? '[]' : '{}';
    if (parts.length === 0) return `${open}${close}`;
    budget.write(parts.length * (inner.length + comma.length));
    return open + inner + parts.join(comma + inner) + outer + close;
  }

  const text = write(value, '\n');
  budget.write(text.length);
  return text;
}

function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function indentOf(budget: Budget, indent: Value): string | undefined {
  if (indent === null) return undefined;
  if (typeof indent === 'string') return indent;
  const width = Math.max(0, intOf(indent));
  budget.write(width);
  return ' '.repeat(width);
}
