import type { Budget } from '../budget.ts';
import { compare, contains, isEqual } from '../values/comparison.ts';
import { calculate } from '../values/arithmetic.ts';
import { print } from '../values/printing.ts';
import { hasCase } from '../values/text.ts';
import type { Builtin, Builtins } from './builtin.ts';
import {
  Callable,
  Float,
  isDict,
  numberOf,
  hasSize,
  Stream,
  UNDEFINED,
  type Value,
  View,
} from '../values/value.ts';

/** What may stand behind `is`, and be named in `select` and its kin. */
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
  callable: kind((value) => value instanceof Callable || value === UNDEFINED),
  escaped: kind(() => false),
  odd: ['', (budget, value) => isEqual(budget, calculate(budget, '%', value, 2), 1)],
  even: ['', (budget, value) => isEqual(budget, calculate(budget, '%', value, 2), 0)],
  divisibleby: [
    'num',
    (budget, value, by) => isEqual(budget, calculate(budget, '%', value, by), 0),
  ],
  lower: ['', (budget, value) => hasCase(budget, print(budget, value), 'toLowerCase')],
  upper: ['', (budget, value) => hasCase(budget, print(budget, value), 'toUpperCase')],
  sameas: [
    'other',
    (budget, value, other) =>
      value === other || (value instanceof Float && isEqual(budget, value, other)),
  ],
  in: ['seq', (budget, value, list) => contains(budget, list, value)],
  ...aliases(['eq', 'equalto', '=='], isEqual),
  ...aliases(['ne', '!='], (budget, a, b) => !isEqual(budget, a, b)),
  ...aliases(['lt', 'lessthan', '<'], (budget, a, b) => compare(budget, a, b) < 0),
  ...aliases(['le', '<='], (budget, a, b) => compare(budget, a, b) <= 0),
  ...aliases(['gt', 'greaterthan', '>'], (budget, a, b) => compare(budget, a, b) > 0),
  ...aliases(['ge', '>='], (budget, a, b) => compare(budget, a, b) >= 0),
};

function kind(holds: (value: Value) => boolean): Builtin<Value> {
  return ['', (_, value) => holds(value)];
}

function aliases(
  names: readonly string[],
  holds: (budget: Budget, a: Value, b: Value) => boolean,
): Builtins<Value> {
  return Object.fromEntries(names.map((name) => [name, ['other', holds] as const]));
}
