import { printable } from '../../base/printable.ts';
import { strftime } from '../strftime.ts';
import { type Budget, Refusal } from './budget.ts';
import { bind, type Builtins } from './builtins/builtin.ts';
import { print } from './values/printing.ts';
import { keyOf } from './values/comparison.ts';
import {
  Callable,
  type Dict,
  Float,
  intOf,
  isDict,
  itemsOf,
  type Named,
  Namespace,
  Range,
  textOf,
  type Value,
} from './values/value.ts';

/** As many numbers as Jinja's sandbox allows. */
const MAX_RANGE = 100_000;
/** Of the text with which a template refuses messages. */
const MAX_REASON = 200;

/** The functions that a template finds besides its variables. */
export function globalsOf(budget: Budget, now: Date): Map<string, Value> {
  const functions: Builtins<Budget> = {
    range: ['start stop? step?', range],
    raise_exception: [
      'message?',
      (_, __, message = '') => {
        const reason = printable(budget.plain(print(budget, message)), MAX_REASON);
        throw new Refusal(`refuses these messages: ${reason}`);
      },
    ],
    strftime_now: [
      'format',
      (_, __, format) => {
        budget.read(128 * textOf(format).length);
        const text = strftime(now, textOf(format));
        budget.write(text.length);
        return text;
      },
    ],
  };
  const globals = new Map<string, Value>();
  for (const [name, builtin] of Object.entries(functions)) {
    globals.set(name, bind(builtin, budget, budget));
  }
  globals.set('dict', new Callable((args, named) => makeDict(budget, args, named)));
  globals.set(
    'namespace',
    new Callable((args, named) => {
      const namespace = new Namespace();
      for (const [key, value] of makeDict(budget, args, named)) {
        namespace.fields.set(textOf(key), value);
      }
      return namespace;
    }),
  );
  return globals;
}

function range(budget: Budget, _: Budget, first: Value, last: Value = null, by: Value = 1): Range {
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
  if (rest.length > 0) throw new Refusal('passes too many arguments');
  if (from !== undefined) {
    const pairs = isDict(from) ? from : itemsOf(budget, from).map((pair) => itemsOf(budget, pair));
    for (const [key, value] of pairs) {
      budget.spend(2);
      if (key === undefined || value === undefined)
        throw new Refusal('makes a mapping of no pairs');
      dict.set(keyOf(key), value);
    }
  }
  for (const [name, value] of named) dict.set(name, value);
  return dict;
}

/**
 * A value of JavaScript as one of Python. It brings steps for what a template may do with it.
 *
 * @throws Refusal for an integer beyond 2^53, which is no longer the number that was meant
 */
export function toValue(budget: Budget, value: unknown): Value {
  budget.give(typeof value === 'string' ? value.length : 0);
  budget.enter();
  const made = toValueOf(budget, value);
  budget.leave();
  return made;
}

function toValueOf(budget: Budget, value: unknown): Value {
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return new Float(value);
    if (Number.isSafeInteger(value)) return value + 0;
    throw new Refusal('was given an integer beyond 2^53; pass it as a string');
  }
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return Array.from(value, (item) => toValue(budget, item ?? null));
  if (typeof value !== 'object' || value === null) return null;
  const dict: Dict = new Map();
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) dict.set(key, toValue(budget, item));
  }
  return dict;
}
