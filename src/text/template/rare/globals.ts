import { Refusal, type Budget } from '../budget.ts';
import { type Builtins, takes } from '../builtins/builtin.ts';
import { intOf, Range, type Value } from '../values/value.ts';

/** As many numbers as Jinja's sandbox allows. */
const MAX_RANGE = 100_000;

/** Functions that few templates call. */
export const RARE_GLOBALS: Builtins<Date> = {
  range: takes('start stop? step?', (budget, _, first, last = null, by = 1) =>
    range(budget, first, last, by),
  ),
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
