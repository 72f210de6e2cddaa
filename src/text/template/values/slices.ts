import { type Budget, Refusal } from '../budget.ts';
import { countPoints, expected, hasPairs, intOf, type Value } from './value.ts';

/** Python's `value[start:stop:step]`. */
export function cut(
  budget: Budget,
  value: Value,
  start: Value,
  stop: Value,
  step: Value = null,
): Value {
  const stride = step === null ? 1 : intOf(step);
  if (stride === 0) throw new Refusal('cuts with a step of zero');
  if (typeof value === 'string') return cutText(budget, value, start, stop, stride);
  if (!Array.isArray(value)) throw expected('a text or a list to cut', value);
  const range = indicesOf(value.length, start, stop, stride);
  const copy = value.slice(0, 0);
  for (let i = range[0]; stride > 0 ? i < range[1] : i > range[1]; i += stride) {
    copy.push(value[i]!);
  }
  budget.spend(1 + copy.length / 4);
  return copy;
}

function cutText(budget: Budget, text: string, start: Value, stop: Value, step: number): string {
  if (start === null && stop === null && step === 1) return text;
  budget.read(2 * text.length);
  const range = indicesOf(countPoints(budget, text), start, stop, step);
  if (step === 1) {
    const from = unitOf(text, range[0]);
    return text.slice(from, from + unitOf(text.slice(from), Math.max(0, range[1] - range[0])));
  }
  budget.spend(text.length);
  const points = hasPairs(text) ? Array.from(text) : text;
  let copy = '';
  for (let i = range[0]; step > 0 ? i < range[1] : i > range[1]; i += step) copy += points[i]!;
  return copy;
}

/** Where a code point of a text begins. */
function unitOf(text: string, point: number): number {
  if (!hasPairs(text)) return point;
  let unit = 0;
  for (let i = 0; i < point; i++) unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
  return unit;
}

/** Python's `slice.indices()`: the first index, and the first that no longer counts. */
export function indicesOf(
  length: number,
  start: Value,
  stop: Value,
  step: number,
): readonly [start: number, stop: number] {
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (value: Value, otherwise: number): number => {
    if (value === null) return otherwise;
    const index = intOf(value);
    return Math.min(high, Math.max(low, index < 0 ? index + length : index));
  };
  return step > 0 ? [clamp(start, low), clamp(stop, high)] : [clamp(start, high), clamp(stop, low)];
}
