import type { Budget } from '../budget.ts';
import { FILTERS } from '../builtins/choosing.ts';
import { kind, TESTS } from '../builtins/tests.ts';
import { type Builtin, ownOf, type Builtins, takes } from '../builtins/builtin.ts';
import { calculate } from '../values/arithmetic.ts';
import { isEqual } from '../values/comparison.ts';
import { print } from '../values/printing.ts';
import { Callable, Float, textOf, UNDEFINED, type Value } from '../values/value.ts';
import { hasCase } from './text.ts';

/** Tests that few templates name. */
export const RARE_TESTS: Builtins<Value> = {
  callable: kind((value) => value instanceof Callable || value === UNDEFINED),
  escaped: kind(() => false),
  odd: takes('', (budget, value) => leaves(budget, value, 2, 1)),
  even: takes('', (budget, value) => leaves(budget, value, 2, 0)),
  divisibleby: takes('num', (budget, value, by) => leaves(budget, value, by, 0)),
  lower: inCase('toLowerCase'),
  upper: inCase('toUpperCase'),
  sameas: takes(
    'other',
    (budget, value, other) =>
      value === other || (value instanceof Float && isEqual(budget, value, other)),
  ),
  filter: kind((value) => ownOf(FILTERS, textOf(value)) !== undefined),
  test: kind((value) => ownOf(TESTS, textOf(value)) !== undefined),
};

function leaves(budget: Budget, value: Value, by: Value, rest: number): boolean {
  return isEqual(budget, calculate(budget, '%', value, by), rest);
}

function inCase(change: 'toLowerCase' | 'toUpperCase'): Builtin<Value> {
  return takes('', (budget, value) => hasCase(budget, print(budget, value), change));
}
