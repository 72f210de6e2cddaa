import { type Budget, Refusal } from '../budget.ts';
import { type Builtins, takes } from '../builtins/builtin.ts';
import { strip } from '../values/text.ts';
import { expected, Float, int, intOf, numberOf, UNDEFINED, type Value } from '../values/value.ts';

/** Filters that give a number. */
export const NUMBER_FILTERS: Builtins<Value> = {
  abs: takes('', (_, value) => {
    const number = numberOf(value);
    if (number === undefined) throw expected('a number', value);
    return value instanceof Float ? new Float(Math.abs(number)) : Math.abs(number);
  }),
  int: takes('default? base?', (budget, value, otherwise = 0, base = 10) => {
    const number =
      typeof value === 'string' ? readInt(budget, value, intOf(base)) : numberOf(value);
    const whole = number === undefined ? readFloat(budget, value) : number;
    // Python refuses to make an int of an infinite float, but not of a text that says "inf".
    const isWhole = whole !== undefined && Number.isFinite(whole);
    return isWhole ? int(Math.trunc(whole)) : otherwise;
  }),
  float: takes('default?', (budget, value, otherwise = new Float(0)) => {
    const number = numberOf(value) ?? readFloat(budget, value);
    return number === undefined ? otherwise : new Float(number);
  }),
  round: takes('precision? method?', (_, value, precision = 0, method = 'common') => {
    const number = numberOf(value);
    if (number === undefined) throw expected('a number', value);
    const digits = intOf(precision);
    if (Math.abs(digits) > 20) throw new Refusal('rounds to more than 20 digits');
    const scale = 10 ** digits;
    if (method === 'ceil') return new Float(Math.ceil(number * scale) / scale);
    if (method === 'floor') return new Float(Math.floor(number * scale) / scale);
    if (method !== 'common') throw new Refusal('rounds by a method that is not known');
    return value instanceof Float
      ? new Float(roundEven(number, digits))
      : int(roundEven(number, Math.min(0, digits)));
  }),
};

/** The nearest number of so many digits; of two that are as near, the even one. */
function roundEven(value: number, digits: number): number {
  if (!Number.isFinite(value)) return value;
  const scale = 10 ** digits;
  const scaled = value * scale;
  // Exact: no double that ends in a 5 at this place has more decimals than these.
  const rest =
    Math.abs(value)
      .toFixed(Math.max(0, digits) + 30)
      .split('.')[1] ?? '';
  const isTie = digits < 0 ? Math.abs(scaled % 1) === 0.5 : /^50*$/.test(rest.slice(digits));
  if (isTie) return (2 * Math.round(scaled / 2)) / scale;
  return digits < 0 ? Math.round(scaled) / scale : Number(value.toFixed(digits));
}

function readInt(budget: Budget, value: string, base: number): number | undefined {
  budget.read(value.length);
  const text = budget.plain(strip(value));
  if (base !== 10) throw new Refusal('reads an integer of a base other than 10');
  return /^[+-]?\d+(?:_\d+)*$/.test(text) ? int(Number(text.replaceAll('_', ''))) : undefined;
}

/** A number as Python's `float()` reads it; an int of none is an error that `int` does not catch. */
function readFloat(budget: Budget, value: Value): number | undefined {
  if (typeof value !== 'string') {
    if (value === UNDEFINED) throw expected('a number', value);
    return undefined;
  }
  budget.read(value.length);
  const text = budget.plain(strip(value)).toLowerCase();
  if (/^[+-]?(?:inf|infinity)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^[+-]?nan$/.test(text)) return NaN;
  const isNumber = /^[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?$/.test(text);
  return isNumber ? Number(text.replaceAll('_', '')) : undefined;
}
