import { type Budget, Refusal } from '../budget.ts';
import { expected, Float, int, kindOf, numberOf, Range, type Value } from './value.ts';

/** Python's `+ - * / // % **`. */
export function calculate(budget: Budget, operator: string, a: Value, b: Value): Value {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) {
    const isFloat = a instanceof Float || b instanceof Float;
    return calculateNumbers(operator, x, y, isFloat);
  }
  if (operator === '+') return join(budget, a, b);
  if (operator === '*') {
    if (typeof b === 'number' || typeof b === 'boolean') return repeat(budget, a, Number(b));
    if (typeof a === 'number' || typeof a === 'boolean') return repeat(budget, b, Number(a));
  }
  throw new Refusal(`expected two numbers for "${operator}", got ${kindOf(a)} and ${kindOf(b)}`);
}

function calculateNumbers(operator: string, x: number, y: number, isFloat: boolean): Value {
  const give = (value: number): Value => (isFloat ? new Float(value) : int(value));
  switch (operator) {
    case '+':
      return give(x + y);
    case '-':
      return give(x - y);
    case '*':
      return give(x * y);
    case '**':
      if (x === 0 && y < 0) throw new Refusal('divides by zero');
      if (x < 0 && !Number.isInteger(y)) throw new Refusal('makes a complex number');
      return isFloat || y < 0 ? new Float(x ** y) : int(x ** y);
  }
  if (y === 0) throw new Refusal('divides by zero');
  if (operator === '/') return new Float(x / y);
  const rest = x % y;
  const modulo = rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
  if (operator === '%') return give(modulo === 0 && isFloat && y < 0 ? -0 : modulo);
  return give(isFloat ? Math.round((x - modulo) / y) : (x - modulo) / y);
}

function join(budget: Budget, a: Value, b: Value): Value {
  if (typeof a === 'string' && typeof b === 'string') {
    budget.write(a.length + b.length);
    return a + b;
  }
  if (Array.isArray(a) && Array.isArray(b) && a.constructor === b.constructor) {
    if (!(a instanceof Range)) {
      budget.spend((a.length + b.length) / 4);
      return a.concat(b);
    }
  }
  throw new Refusal(`expected two texts or two numbers for "+", got ${kindOf(a)} and ${kindOf(b)}`);
}

function repeat(budget: Budget, value: Value, count: number): Value {
  const times = Math.max(0, count);
  if (typeof value === 'string') {
    budget.write(value.length * times);
    return value.repeat(times);
  }
  if (!Array.isArray(value) || value instanceof Range) throw expected('a text or a list', value);
  budget.spend((value.length * times) / 4);
  const copy = value.slice(0, 0);
  for (let i = 0; i < times && value.length > 0; i++) for (const item of value) copy.push(item);
  return copy;
}

export function negate(value: Value): Value {
  if (value instanceof Float) return new Float(-value.value);
  const number = numberOf(value);
  if (number === undefined) throw expected('a number', value);
  return 0 - number;
}
