import { type Budget } from '../budget.ts';
import {
  type Dict,
  expected,
  isDict,
  itemsOf,
  type Key,
  numberOf,
  textOf,
  type Value,
} from './value.ts';

/** Python's `==`. */
export function isEqual(budget: Budget, a: Value, b: Value): boolean {
  if (typeof a === 'string') {
    if (typeof b !== 'string') return false;
    budget.read(Math.min(a.length, b.length));
    return a === b || (a.length === b.length && budget.plain(a) === budget.plain(b));
  }
  return budget.within(() => isEqualValue(budget, a, b));
}

function isEqualValue(budget: Budget, a: Value, b: Value): boolean {
  const number = numberOf(a);
  if (number !== undefined) return number === numberOf(b);
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.constructor !== b.constructor || a.length !== b.length) return false;
    return a.every((item, i) => isEqual(budget, item, b[i]!));
  }
  if (isDict(a)) {
    if (!isDict(b) || a.size !== b.size) return false;
    for (const [key, item] of a) {
      const other = b.get(key);
      if (other === undefined || !isEqual(budget, item, other)) return false;
    }
    return true;
  }
  return a === b;
}

/** Below 0 where `a` comes first, as Python's `<` has it. */
export function compare(budget: Budget, a: Value, b: Value): number {
  return budget.within(() => compareValues(budget, a, b));
}

function compareValues(budget: Budget, a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') {
    budget.read(Math.min(a.length, b.length));
    return compareTexts(budget.plain(a), budget.plain(b));
  }
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x === y ? 0 : NaN;
  if (Array.isArray(a) && Array.isArray(b) && a.constructor === b.constructor) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (!isEqual(budget, a[i]!, b[i]!)) return compare(budget, a[i]!, b[i]!);
    }
    return a.length - b.length;
  }
  throw expected('two values of an order', typeof a === 'string' ? b : a);
}

/** By code points: in UTF-16 a surrogate pair would come before U+E000. */
function compareTexts(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}

/** Python's `in`. */
export function contains(budget: Budget, container: Value, value: Value): boolean {
  if (typeof container === 'string') {
    return find(budget, container, textOf(value)) >= 0;
  }
  if (isDict(container)) return entryOf(budget, container, value) !== undefined;
  return itemsOf(budget, container).some((item) => isEqual(budget, item, value));
}

/**
 * Where a text has a part, in UTF-16 units, or -1. Engines take up to the product of both lengths,
 * so that is what it costs; what templates look for is short.
 */
export function find(budget: Budget, text: string, part: string, from = 0): number {
  const at = budget.plain(text).indexOf(budget.plain(part), from);
  const end = at < 0 ? text.length : at;
  budget.read((end - from) * (1 + part.length / 32));
  return at;
}

/** What a mapping has at a key. */
export function entryOf(budget: Budget, dict: Dict, value: Value): Value | undefined {
  const key = keyOf(value);
  const item = dict.get(key);
  return item === undefined && typeof key === 'string' ? dict.get(budget.plain(key)) : item;
}

/** A value as the key of a mapping. */
export function keyOf(value: Value): Key {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value;
  throw expected('a text or an integer as a key', value);
}
