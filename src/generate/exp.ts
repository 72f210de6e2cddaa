/**
 * exp and log from IEEE + - * / only: engines may round `Math.exp` differently, and one ulp is
 * enough to change a sampled token. Both are within 1e-15 relative of the true value.
 */

const LN2_HIGH = 0.6931471803691238; // 33 bits, so that k * LN2_HIGH is exact for |k| < 2^20
const LN2_LOW = 1.9082149292705877e-10;
const INVERSE_LN2 = 1.4426950408889634;

/** Below this, exp rounds to 0. */
const UNDERFLOW = -745.14;

/** Scaling by 2^-1000 is exact for every y in use, so that subnormal results round only once. */
const EXACT_SCALE = 1000;

/** `POWERS[k]` = 2^-k. */
const POWERS: Float64Array = powersOfHalf(EXACT_SCALE);

/** 1/13! … 1/0!: on |r| <= ln2 / 2 the first term left out is r^14/14! < 5e-18. */
const TAYLOR: Float64Array = inverseFactorials(13);

/** Halley steps of {@link log}: cubic from an error below 0.06, so three pass 1e-16. */
const HALLEY_STEPS = 3;

/**
 * e^x for x <= 0.
 *
 * @returns a number in [0, 1]; NaN for NaN
 */
export function exp(x: number): number {
  if (x < UNDERFLOW) return 0;
  const k = Math.floor(x * INVERSE_LN2 + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let y = 0;
  for (let i = 0; i < TAYLOR.length; i++) y = y * r + TAYLOR[i]!;
  if (k >= -EXACT_SCALE) return y * POWERS[-k]!;
  return y * POWERS[EXACT_SCALE]! * POWERS[-k - EXACT_SCALE]!;
}

/**
 * The natural logarithm of x >= 1, as the root y of x e^-y = 1.
 *
 * @returns a number >= 0
 */
export function log(x: number): number {
  let y = 0;
  let mantissa = x;
  for (; mantissa >= 2; mantissa /= 2) y += LN2_HIGH + LN2_LOW;
  y += (mantissa - 1) * (LN2_HIGH + LN2_LOW);
  for (let step = 0; step < HALLEY_STEPS; step++) {
    const product = x * exp(-y);
    y += (2 * (product - 1)) / (product + 1);
  }
  return y;
}

function powersOfHalf(count: number): Float64Array {
  const powers = new Float64Array(count + 1).fill(1);
  for (let k = 1; k <= count; k++) powers[k] = powers[k - 1]! / 2;
  return powers;
}

function inverseFactorials(degree: number): Float64Array {
  const terms = new Float64Array(degree + 1).fill(1);
  for (let n = 1; n <= degree; n++) terms[degree - n] = terms[degree - n + 1]! / n;
  return terms;
}
