import { nearest } from './nearest.ts';
import { printable } from './errors.ts';

/*
 * Refuses what a caller passed by mistake, in one shape: `"name" expected X, got Y`. A value of
 * another kind is a TypeError, one out of range a RangeError. Checks run before any memory is
 * touched: JavaScript turns NaN, undefined and 2^32 + 8 into valid addresses silently.
 */

/** Kinds that {@link checkKind} tells apart. */
interface Kinds {
  readonly boolean: boolean;
  readonly function: (...args: never[]) => unknown;
  readonly string: string;
}

/** The message of a refused value; a string is named by its kind, never quoted: it may be a prompt. */
export function mismatch(name: string, expected: string, value: unknown): string {
  return `"${name}" expected ${expected}, got ${describe(value)}`;
}

/** A value as a message shows it where a string is a word of an option, never a prompt. */
export function quoted(value: unknown): string {
  return typeof value === 'string' ? `"${printable(value)}"` : describe(value);
}

/** A value of one kind. @throws TypeError */
export function checkKind<K extends keyof Kinds>(name: string, value: unknown, kind: K): Kinds[K] {
  if (typeof value === kind) return value as Kinds[K];
  throw new TypeError(mismatch(name, `a ${kind}`, value));
}

/** An object, whose fields are then checked one by one. @throws TypeError */
export function checkObject<T extends object>(name: string, value: T): T {
  if (typeof value === 'object' && value !== null) return value;
  throw new TypeError(mismatch(name, 'an object', value));
}

/**
 * Refuses fields that nothing would read.
 *
 * @param what what a field should be, such as `an option of loadModel`
 * @throws TypeError naming the first of them, and what was probably meant
 */
export function checkKnown(what: string, object: object, known: readonly string[]): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const meant = nearest(unknown, known);
  const hint = meant === undefined ? `expected ${known.join(', ')}` : `did you mean "${meant}"?`;
  throw new TypeError(`"${printable(unknown, 40)}" is not ${what}, ${hint}`);
}

/** An integer in `min … max`. @throws TypeError, RangeError */
export function checkInteger(
  name: string,
  value: unknown,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isInteger(value) && isWithin(value, min, max)) return value;
  throw misfit(name, `an integer ${rangeOf(min, max)}`, value);
}

/** A finite number in `min … max`. @throws TypeError, RangeError */
export function checkNumber(name: string, value: unknown, min: number, max = Infinity): number {
  if (Number.isFinite(value) && isWithin(value, min, max)) return value;
  throw misfit(name, `a ${max < Infinity ? '' : 'finite '}number ${rangeOf(min, max)}`, value);
}

/** One of some words or numbers. @throws RangeError */
export function checkChoice<const T extends string | number>(
  name: string,
  value: unknown,
  choices: readonly T[],
): T {
  const choice = choices.find((known) => known === value);
  if (choice !== undefined) return choice;
  const words = choices.map((known) => JSON.stringify(known)).join(', ');
  checkRule(name, false, words.replace(/, ([^,]*)$/, ' or $1'), value);
}

/** Refuses a number or a word of an option that breaks a rule of its own. @throws RangeError */
export function checkRule(
  name: string,
  isMet: boolean,
  expected: string,
  value: unknown,
): asserts isMet {
  if (isMet) return;
  throw new RangeError(`"${name}" expected ${expected}, got ${quoted(value)}`);
}

/** A text of 1 to `maxLength` UTF-16 units. @throws TypeError, RangeError */
export function checkLength(name: string, value: unknown, maxLength: number): string {
  const text = checkKind(name, value, 'string');
  const isMet = text.length >= 1 && text.length <= maxLength;
  checkRule(name, isMet, `1..${maxLength} UTF-16 units`, text.length);
  return text;
}

/** A signal, or none; one of another realm is as good, so it is known by its fields. @throws TypeError */
export function checkSignal(name: string, value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && 'aborted' in value) {
    return value as AbortSignal;
  }
  throw new TypeError(mismatch(name, 'an AbortSignal', value));
}

/** A Float32Array of `length` finite numbers. @throws TypeError, RangeError */
export function checkFloats(name: string, value: unknown, length: number): Float32Array {
  const floats = checkFloat32Array(name, value);
  checkRule(name, floats.length === length, `${length} numbers`, floats.length);
  const bad = floats.findIndex((number) => !Number.isFinite(number));
  if (bad < 0) return floats;
  throw new RangeError(`${mismatch(name, 'finite numbers', floats[bad])} at ${bad}`);
}

/** Memory that was not transferred to somebody else, or a view of it. @throws TypeError */
export function checkAttached<T extends ArrayBufferView | ArrayBuffer>(name: string, value: T): T {
  const buffer = ArrayBuffer.isView(value) ? value.buffer : (value as ArrayBuffer);
  try {
    buffer.slice(0, 0); // engines of 2023 have no other way to tell
    return value;
  } catch {
    throw new TypeError(
      `"${name}" expected memory with something in it, got one that was transferred`,
    );
  }
}

/** How many tokens an array of `perToken` numbers each holds. @throws TypeError, RangeError */
export function countTokens(name: string, value: unknown, perToken: number): number {
  const { length } = checkFloat32Array(name, value);
  const isWhole = length > 0 && length % perToken === 0;
  checkRule(name, isWhole, `a positive multiple of ${perToken} numbers`, length);
  return length / perToken;
}

function checkFloat32Array(name: string, value: unknown): Float32Array {
  if (value instanceof Float32Array) return value;
  throw new TypeError(mismatch(name, 'a Float32Array', value));
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return (value as number) >= min && (value as number) <= max;
}

function rangeOf(min: number, max: number): string {
  return max < Number.MAX_SAFE_INTEGER ? `in ${min}..${max}` : `>= ${min}`;
}

function misfit(name: string, expected: string, value: unknown): TypeError | RangeError {
  const message = mismatch(name, expected, value);
  return typeof value === 'number' ? new RangeError(message) : new TypeError(message);
}

/** `null`, `0.5`, `true`; else the kind: `string`, `Array`, `Float64Array`. */
function describe(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  return typeof value === 'object'
    ? Object.prototype.toString.call(value).slice('[object '.length, -1)
    : typeof value;
}
