import { Refusal, type Budget } from '../budget.ts';
import { type Builtins, takes, TOO_MANY } from '../builtins/builtin.ts';
import { keyOf } from '../values/comparison.ts';
import {
  type Dict,
  expected,
  intOf,
  isDict,
  itemsOf,
  type Named,
  Namespace,
  Range,
  type Value,
} from '../values/value.ts';

/** As many numbers as Jinja's sandbox allows. */
const MAX_RANGE = 100_000;

/** Functions that few templates call, or call so. */
export const RARE_GLOBALS: Builtins<Date> = {
  range: takes('start stop? step?', (budget, _, first, last = null, by = 1) =>
    range(budget, first, last, by),
  ),
  dict: (budget, _, args, named) => makeDict(budget, args, named),
  namespace: (budget, _, args, named) => new Namespace(makeDict(budget, args, named)),
};

function range(budget: Budget, first: Value, last: Value, by: Value): Range {
  const [start, stop] = last === null ? [0, intOf(first)] : [intOf(first), intOf(last)];
  const step = intOf(by);
  if (step === 0) throw new Refusal('asks for a range with a step of zero');
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (count > MAX_RANGE) throw new Refusal(`asks for a range of more than ${MAX_RANGE} numbers`);
  budget.spend(1 + count / 4);
  const numbers = new Range();
  numbers.source = `range(${start}, ${stop}${step === 1 ? '' : `, ${step}`})`;
  for (let i = 0; i < count; i++) numbers.push(start + i * step);
  return numbers;
}

function makeDict(budget: Budget, args: readonly Value[], named: Named): Dict {
  const dict: Dict = new Map();
  budget.spend(4 + 2 * named.size);
  const [from, ...rest] = args;
  if (rest.length > 0) throw new Refusal(TOO_MANY);
  if (from !== undefined) {
    const pairs = isDict(from) ? from : itemsOf(budget, from).map((pair) => itemsOf(budget, pair));
    for (const [key, value] of pairs) {
      budget.spend(2);
      if (key === undefined || value === undefined) throw expected('pairs of a mapping', from);
      dict.set(keyOf(key), value);
    }
  }
  for (const [name, value] of named) dict.set(name, value);
  return dict;
}
