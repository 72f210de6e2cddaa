/*
 * Checks of what a caller passes to the op-level API. They run before any memory is touched:
 * JavaScript turns NaN, undefined and 2^32 + 8 into valid addresses without a word.
 */

/** An object, whose fields are then checked one by one. @throws TypeError */
export function checkObject<T extends object>(name: string, value: T): T {
  if (typeof value === 'object' && value !== null) return value;
  throw new TypeError(`"${name}" expected an object, got ${kindOf(value)}`);
}

/*
 * Bounds of the kernels' 32-bit arithmetic, far above any model (paper, Table 9: 78 heads of 64):
 * with all three at once a block of queries needs 2 GB of scratch.
 */
export const MAX_HEADS = 1024;
export const MAX_WIDTH = 2048;
export const MAX_RANK = 256;

/** Above it a float32 position loses integers. */
export const MAX_POSITION = 1 << 24;

/** Refuses options that nothing would read. @throws TypeError naming the first of them */
export function checkKnown(subject: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new TypeError(`"${unknown}" expected an option of ${subject} (${known.join(', ')})`);
}

/** An integer of at least `minimum`. @throws TypeError, RangeError */
export function checkInteger(
  name: string,
  value: unknown,
  minimum: number,
  maximum: number,
): number {
  if (typeof value !== 'number')
    throw new TypeError(`"${name}" expected a number, got ${kindOf(value)}`);
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    throw new RangeError(`"${name}" expected integer from ${minimum} to ${maximum}, got ${value}`);
  }
  return value;
}

/** A Float32Array of `length` finite numbers. @throws TypeError, RangeError */
export function checkFloats(name: string, value: unknown, length: number): Float32Array {
  const floats = checkFloat32Array(name, value);
  if (floats.length !== length) {
    throw new RangeError(`"${name}" expected ${length} numbers, got ${floats.length}`);
  }
  const bad = floats.findIndex((number) => !Number.isFinite(number));
  if (bad >= 0)
    throw new RangeError(`"${name}" expected finite numbers, got ${floats[bad]} at ${bad}`);
  return floats;
}

/** How many tokens an array of `perToken` numbers each holds. @throws TypeError, RangeError */
export function countTokens(name: string, value: unknown, perToken: number): number {
  const { length } = checkFloat32Array(name, value);
  if (length === 0 || length % perToken !== 0) {
    throw new RangeError(
      `"${name}" expected a positive multiple of ${perToken} numbers, got ${length}`,
    );
  }
  return length / perToken;
}

function checkFloat32Array(name: string, value: unknown): Float32Array {
  if (value instanceof Float32Array) return value;
  throw new TypeError(`"${name}" expected a Float32Array, got ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? value.constructor?.name || 'object' : typeof value;
}
