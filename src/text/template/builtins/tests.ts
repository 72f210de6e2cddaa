import type { Budget } from '../budget.ts';
import { compare, contains, isEqual } from '../values/comparison.ts';
import { type Builtin, type Builtins, takes } from './builtin.ts';
import {
  Float,
  hasSize,
  isDict,
  numberOf,
  Stream,
  UNDEFINED,
  type Value,
  View,
} from '../values/value.ts';

/** What many templates put behind `is`, or name in `select` and its kin. */
export const TESTS: Builtins<Value> = {
  defined: kind((value) => value !== UNDEFINED),
  undefined: kind((value) => value === UNDEFINED),
  none: kind((value) => value === null),
  boolean: kind((value) => typeof value === 'boolean'),
  true: kind((value) => value === true),
  false: kind((value) => value === false),
  integer: kind((value) => typeof value === 'number'),
  float: kind((value) => value instanceof Float),
  number: kind((value) => numberOf(value) !== undefined),
  string: kind((value) => typeof value === 'string'),
  mapping: kind(isDict),
  sequence: kind((value) => hasSize(value) && !(value instanceof View)),
  iterable: kind((value) => hasSize(value) || value instanceof Stream),
  in: takes('seq', (budget, value, list) => contains(budget, list, value)),
  ...aliases('eq equalto ==', isEqual),
  ...aliases('ne !=', (budget, a, b) => !isEqual(budget, a, b)),
  ...aliases('lt lessthan <', (budget, a, b) => compare(budget, a, b) < 0),
  ...aliases('le <=', (budget, a, b) => compare(budget, a, b) <= 0),
  ...aliases('gt greaterthan >', (budget, a, b) => compare(budget, a, b) > 0),
  ...aliases('ge >=', (budget, a, b) => compare(budget, a, b) >= 0),
};

export function kind(holds: (value: Value) => boolean): Builtin<Value> {
  return takes('', (_, value) => holds(value));
}

/** A comparison by all its names. */
function aliases(
  names: string,
  holds: (budget: Budget, a: Value, b: Value) => boolean,
): Builtins<Value> {
  const test = takes('other', holds);
  return Object.fromEntries(names.split(' ').map((name) => [name, test]));
}
