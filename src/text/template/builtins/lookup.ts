import { type Budget, Refusal } from '../budget.ts';
import { bind, type Builtin, ownOf, type Builtins, takes } from './builtin.ts';
import { entryOf } from '../values/comparison.ts';
import { TEXT_METHODS } from './text-methods.ts';
import {
  countPoints,
  type Dict,
  Fields,
  hasPairs,
  isDict,
  Tuple,
  UNDEFINED,
  type Value,
  View,
} from '../values/value.ts';

/** Methods that change a list or a mapping are not there: transformers takes them away too. */
export const LIST_METHODS: Builtins<readonly Value[]> = {};

export const DICT_METHODS: Builtins<Dict> = {
  get: takes('key default?', (budget, dict, key, otherwise = null) => {
    const value = entryOf(budget, dict, key);
    return value === undefined ? otherwise : value;
  }),
  keys: viewed('dict_keys', (dict) => [...dict.keys()]),
  values: viewed('dict_values', (dict) => [...dict.values()]),
  items: takes('', (budget, dict) => new View('dict_items', pairsOf(budget, dict))),
};

function viewed(name: string, items: (dict: Dict) => Value[]): Builtin<Dict> {
  return takes('', (budget, dict) => {
    budget.spend(dict.size);
    return new View(name, items(dict));
  });
}

export function pairsOf(budget: Budget, dict: Dict): Tuple[] {
  budget.spend(2 * dict.size);
  return Array.from(dict, (pair) => Tuple.from(pair) as Tuple);
}

/** `value.name`: a method, else an item of that name. */
export function attributeOf(budget: Budget, value: Value, name: string): Value {
  const found = methodOf(budget, value, name);
  if (found !== undefined) return found;
  const item = isDict(value) ? value.get(name) : undefined;
  return item === undefined ? UNDEFINED : item;
}

/** `value[key]`: an item, else a method of that name. */
export function itemOf(budget: Budget, value: Value, key: Value): Value {
  const item = isDict(value) ? entryOf(budget, value, key) : indexed(budget, value, key);
  if (item !== undefined) return item;
  const method = methodOf(budget, value, typeof key === 'string' ? key : '');
  return method === undefined ? UNDEFINED : method;
}

function indexed(budget: Budget, value: Value, key: Value): Value | undefined {
  const isIndex = typeof key === 'number' || typeof key === 'boolean';
  if (!isIndex) return undefined;
  const index = Number(key);
  if (Array.isArray(value)) return value.at(index);
  if (typeof value !== 'string') return undefined;
  if (!hasPairs(value)) return value.at(index);
  budget.read(4 * value.length);
  let left = index < 0 ? index + countPoints(budget, value) : index;
  for (const point of value) if (left-- === 0) return point;
  return undefined;
}

function methodOf(budget: Budget, value: Value, name: string): Value | undefined {
  if (value === UNDEFINED) throw new Refusal('reads a part of something undefined');
  if (value instanceof Fields) return value.field(name);
  if (typeof value === 'string') return bound(budget, TEXT_METHODS, value, name);
  if (isDict(value)) return bound(budget, DICT_METHODS, value, name);
  if (!Array.isArray(value)) return undefined;
  const at = value instanceof Tuple ? (value.names ?? []).indexOf(name) : -1;
  return at < 0 ? bound<readonly Value[]>(budget, LIST_METHODS, value, name) : value[at];
}

function bound<Subject>(
  budget: Budget,
  table: Builtins<Subject>,
  subject: Subject,
  name: string,
): Value | undefined {
  const method = ownOf(table, name);
  return method === undefined ? undefined : bind(method, budget, subject);
}

/** What `attribute='a.b.0'` of a filter reads. */
export function pathOf(budget: Budget, value: Value, path: Value): Value {
  if (typeof path !== 'string') return itemOf(budget, value, path);
  let at = value;
  for (const part of path.split('.')) {
    budget.spend(1 + part.length / 16);
    at = itemOf(budget, at, /^\d+$/.test(part) ? Number(part) : part);
  }
  return at;
}
