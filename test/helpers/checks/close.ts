/** Largest |actual − expected|; NaN when either holds one. @throws RangeError on unequal or zero lengths */
export function maxAbsDiff(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  checkLengths(actual, expected, 'maxAbsDiff');
  let max = 0;
  for (let i = 0; i < expected.length; i++) {
    max = Math.max(max, difference(actual[i]!, expected[i]!));
  }
  return max;
}

/** Σ(actual − expected)² / Σ expected²; NaN when either holds one. @throws RangeError on unequal or zero lengths */
export function nmse(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  checkLengths(actual, expected, 'nmse');
  let error = 0;
  let power = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i]! - expected[i]!) ** 2;
    power += expected[i]! ** 2;
  }
  return error === 0 ? 0 : error / power;
}

/**
 * Fails unless every |actual − expected| ≤ atol; names the worst index.
 *
 * @throws Error on a larger difference, NaN, an atol that is not finite, unequal or zero lengths
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { atol, what }: { atol: number; what: string },
): void {
  checkLengths(actual, expected, what);
  if (!Number.isFinite(atol)) throw new RangeError(`${what}: expected finite atol, got ${atol}`);
  let worst = 0;
  let worstDifference = -1;
  for (let i = 0; i < expected.length; i++) {
    const diff = difference(actual[i]!, expected[i]!);
    if (Number.isNaN(diff)) {
      worst = i;
      worstDifference = NaN;
      break;
    }
    if (diff > worstDifference) {
      worst = i;
      worstDifference = diff;
    }
  }
  if (!(worstDifference <= atol)) {
    throw new Error(
      `${what}: differs by ${worstDifference} > ${atol} at ${worst} of ${expected.length}: ` +
        `got ${actual[worst]}, expected ${expected[worst]}`,
    );
  }
}

/** Fails unless every |actual − expected| ≤ relative · (1 + max |expected|). */
export function assertRelative(
  actual: Float32Array,
  expected: Float32Array,
  relative: number,
  what: string,
): void {
  const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  assertClose(actual, expected, { atol: relative * (1 + largest), what });
}

/** Fails unless both hold the same numbers, NaN equal to NaN and -0 unlike 0; names the first index. */
export function assertSame(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
): void {
  checkLengths(actual, expected, what);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) {
      throw new Error(`${what}: expected ${expected[i]} at ${i}, got ${actual[i]}`);
    }
  }
}

/** Equal infinities do not differ; ∞ − ∞ would be NaN. */
function difference(actual: number, expected: number): number {
  return actual === expected ? 0 : Math.abs(actual - expected);
}

function checkLengths(a: ArrayLike<number>, b: ArrayLike<number>, what: string): void {
  if (a.length !== b.length || a.length === 0) {
    throw new RangeError(
      `${what}: expected equal lengths above 0, got ${a.length} and ${b.length}`,
    );
  }
}
