import { type Budget, Refusal } from '../budget.ts';

/**
 * A value of Python. Numbers are ints, exact up to 2^53; floats are a class of their own, since `1`
 * and `1.0` are written differently. Arrays that are neither tuples nor ranges are lists.
 */
export type Value =
  | string
  | number
  | boolean
  | null
  | typeof UNDEFINED
  | Float
  | Value[]
  | Dict
  | View
  | Stream
  | Fields;

export type Key = string | number | boolean | null;
export type Dict = Map<Key, Value>;

/** What a name or field that is missing gives: empty text, but no field of its own. */
export const UNDEFINED: unique symbol = Symbol('undefined');

export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export class Tuple extends Array<Value> {
  /** What its items can be called, those of a group of `groupby`. */
  declare names?: readonly string[];
}

/** The numbers of a range; a part of one does not know how it would be written. */
export class Range extends Array<Value> {
  source = '';
}

/** What `keys()`, `values()` and `items()` of a dict give: it can be counted but not indexed. */
export class View {
  readonly name: string;
  readonly items: readonly Value[];
  constructor(name: string, items: readonly Value[]) {
    this.name = name;
    this.items = items;
  }
}

/** A generator of Python, which can be walked once. */
export class Stream {
  items: Value[];
  constructor(items: Value[]) {
    this.items = items;
  }
}

export type Named = ReadonlyMap<string, Value>;
type Call = (args: readonly Value[], named: Named) => Value;

/** An object with named fields: a namespace, `loop`, a function, which has none. */
export class Fields {
  /** What functions do, and some loops. */
  call?: Call | undefined;
  field(_name: string): Value | undefined {
    return undefined;
  }
}

export class Namespace extends Fields {
  readonly fields: Dict;
  constructor(fields: Dict) {
    super();
    this.fields = fields;
  }
  override field(name: string): Value | undefined {
    return this.fields.get(name);
  }
}

export class Callable extends Fields {
  constructor(call: Call) {
    super();
    this.call = call;
  }
}

export const NO_NAMES: Named = new Map();

export function isDict(value: Value): value is Dict {
  return value instanceof Map;
}

export function isList(value: Value): value is Value[] {
  return Array.isArray(value) && value.constructor === Array;
}

/** The number of an int, a float or a boolean. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return value instanceof Float ? value.value : undefined;
}

/** The number of an int or a boolean. */
export function intOf(value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  throw expected('an integer', value);
}

export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  throw expected('a string', value);
}

/** Python's ints have no bound; ours end where a double stops being exact. */
export function int(value: number): number {
  if (Number.isSafeInteger(value)) return value + 0;
  throw new Refusal('made an integer beyond 2^53, which is not supported');
}

export function expected(what: string, got: Value): Refusal {
  return new Refusal(`expected ${what}, got ${kindOf(got)}`);
}

/** The kind of a value as messages name it. */
export function kindOf(value: Value): string {
  if (value === null) return 'none';
  if (value === UNDEFINED) return 'something undefined';
  if (value instanceof Float) return 'a float';
  if (value instanceof Tuple) return 'a tuple';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Map) return 'a mapping';
  if (value instanceof Callable) return 'a function';
  if (typeof value === 'number') return 'an integer';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

export function isTrue(value: Value): boolean {
  if (value instanceof Float) return value.value !== 0;
  if (value === UNDEFINED) return false;
  if (typeof value === 'object' && value !== null) return (countOf(value) ?? 1) > 0;
  return Boolean(value);
}

/** Whether `len()` gives something. */
export function hasSize(value: Value): boolean {
  return typeof value === 'string' || countOf(value) !== undefined;
}

/** What `len()` gives, or undefined where a value has none; a text counts in code points. */
export function sizeOf(budget: Budget, value: Value): number | undefined {
  return typeof value === 'string' ? countPoints(budget, value) : countOf(value);
}

function countOf(value: Value): number | undefined {
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value instanceof View) return value.items.length;
  return value === UNDEFINED ? 0 : undefined;
}

/** The items that a loop walks: characters of a text, keys of a mapping. */
export function itemsOf(budget: Budget, value: Value): readonly Value[] {
  const items = itemsIn(budget, value);
  if (items === undefined) throw expected('something to walk through', value);
  budget.spend(items.length / 4);
  return items;
}

function itemsIn(budget: Budget, value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') {
    budget.spend(value.length);
    return Array.from(value);
  }
  if (value instanceof Map) {
    budget.spend(value.size);
    return [...value.keys()];
  }
  if (value instanceof View) return value.items;
  if (value instanceof Stream) return value.items.splice(0);
  return value === UNDEFINED ? [] : undefined;
}

const SURROGATE = /[\uD800-\uDFFF]/;

/** Whether code points and UTF-16 units of a text are not the same. */
export function hasPairs(text: string): boolean {
  return SURROGATE.test(text);
}

export function countPoints(budget: Budget, text: string): number {
  budget.read(2 * text.length);
  if (!hasPairs(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}
