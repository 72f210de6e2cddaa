/** Refuses what a caller passed by mistake, in the house shape `"name" expected X, got Y`. */

/** A short, printable rendering of any value; strings are named by type only, never quoted. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

/**
 * @returns `value`, an integer in `min … max`
 * @throws TypeError if it is no number, RangeError if it is none of those integers
 */
export function expectInteger(name: string, value: unknown, min: number, max: number): number {
  const range = max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `in ${min}..${max}`;
  if (typeof value !== 'number') throw new TypeError(mismatch(name, `integer ${range}`, value));
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(mismatch(name, `integer ${range}`, value));
  }
  return value;
}

/** Bounds of {@link expectNumber}. */
export interface NumberRange {
  /** How the range reads in the message. */
  readonly expected: string;
  readonly accepts: (value: number) => boolean;
}

/**
 * @returns `value`, a finite number that the range accepts
 * @throws TypeError if it is no number, RangeError if it is outside or NaN
 */
export function expectNumber(name: string, value: unknown, range: NumberRange): number {
  if (typeof value !== 'number') throw new TypeError(mismatch(name, range.expected, value));
  if (!Number.isFinite(value) || !range.accepts(value)) {
    throw new RangeError(mismatch(name, range.expected, value));
  }
  return value;
}

/** The message of a refused value. */
export function mismatch(name: string, expected: string, value: unknown): string {
  return `"${name}" expected ${expected}, got ${describe(value)}`;
}
