/** The number that bits of a float16 mean. */
export function halfToNumber(bits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The float16 nearest to a number, ties to even; infinite from 65,520 on. */
export function nearestHalf(value: number): number {
  if (Math.abs(value) >= 65_520) return Math.sign(value) * Infinity;
  const exponent = value === 0 ? -14 : Math.max(Math.floor(Math.log2(Math.abs(value))), -14);
  return roundEven(value / 2 ** (exponent - 10)) * 2 ** (exponent - 10);
}

/** To the nearest integer, ties to even. */
export function roundEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
