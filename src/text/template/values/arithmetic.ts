import { type Budget, Refusal } from '../budget.ts';
import { expected, Float, int, kindOf, numberOf, Range, type Value } from './value.ts';

/** Python's `+ - * / // % **`. */
export function calculate(budget: Budget, operator: string, a: Value, b: Value): Value {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) {
    const isFloat = a instanceof Float || b instanceof Float;
    return calculateNumbers(operator, x, y, isFloat);
  }
  if (operator === '*' && y !== undefined && !(b instanceof Float)) return repeat(budget, a, y);
  if (operator === '*' && x !== undefined && !(a instanceof Float)) return repeat(budget, b, x);
  const joined = operator === '+' ? join(budget, a, b) : undefined;
  if (joined !== undefined) return joined;
  const wanted = `two numbers${operator === '+' ? ' or two texts' : ''} for "${operator}"`;
  throw new Refusal(`expected ${wanted}, got ${kindOf(a)} and ${kindOf(b)}`);
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
  }
  const isPower = operator === '**';
  if (isPower ? x === 0 && y < 0 : y === 0) throw new Refusal('divides by zero');
  if (isPower) {
    if (x < 0 && !Number.isInteger(y)) throw new Refusal('makes a complex number');
    return isFloat || y < 0 ? new Float(x ** y) : int(x ** y);
  }
  if (operator === '/') return new Float(x / y);
  const rest = x % y;
  const modulo = rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
  if (operator === '%') return give(modulo === 0 && isFloat && y < 0 ? -0 : modulo);
  return give(isFloat ? Math.round((x - modulo) / y) : (x - modulo) / y);
}

/** Two texts, lists or tuples as one; undefined for what is not of one kind. */
function join(budget: Budget, a: Value, b: Value): Value | undefined {
  if (typeof a === 'string' && typeof b === 'string') {
    budget.write(a.length + b.length);
    return a + b;
  }
  const isList = Array.isArray(a) && Array.isArray(b) && a.constructor === b.constructor;
  if (!isList || a instanceof Range) return undefined;
  budget.spend((a.length + b.length) / 4);
  return a.concat(b);
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
