import { printable } from '../../base/errors.ts';
import { type Budget, Refusal } from './budget.ts';
import { type Builtins, takes, TOO_MANY } from './builtins/builtin.ts';
import { print } from './values/printing.ts';
import { type Dict, Float, Namespace, textOf, type Value } from './values/value.ts';

/** Of the text with which a template refuses messages. */
const MAX_REASON = 200;

/** The functions that many templates call; each is given the time of the rendering. */
export const GLOBALS: Builtins<Date> = {
  raise_exception: takes('message?', (budget, _, message = '') => {
    const reason = printable(budget.plain(print(budget, message)), MAX_REASON);
    throw new Refusal(`refuses these messages: ${reason}`);
  }),
  namespace: (budget, _, args, named) => {
    if (args.length > 0) throw new Refusal(TOO_MANY);
    budget.spend(4 + 2 * named.size);
    return new Namespace(new Map(named));
  },
};

/** Adds what templates write today's date with. */
export function addTime(strftime: (time: Date, format: string) => string): void {
  GLOBALS['strftime_now'] = takes('format', (budget, now, format) => {
    budget.read(128 * textOf(format).length);
    const text = strftime(now, textOf(format));
    budget.write(text.length);
    return text;
  });
}

/**
 * A value of JavaScript as one of Python. It brings steps for what a template may do with it.
 *
 * @throws Refusal for an integer beyond 2^53, which is no longer the number that was meant
 */
export function toValue(budget: Budget, value: unknown): Value {
  budget.give(typeof value === 'string' ? value.length : 0);
  return budget.within(() => toValueOf(budget, value));
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
