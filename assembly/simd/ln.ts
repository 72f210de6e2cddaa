const LN2: f64 = 0.6931471805599453;
const SQRT2: f64 = 1.4142135623730951;

/**
 * ln x of a normal number x >= 1, or NaN. x = 2^n · f with f in [√½, √2], ln f = 2 artanh r with
 * r = (f - 1) / (f + 1), |r| <= 0.1716: five terms of its series are within 1e-9.
 */
export function ln(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  let n = <i32>(bits >> 52) - 1023;
  let f = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (f > SQRT2) {
    f *= 0.5;
    n++;
  }
  const r = (f - 1) / (f + 1);
  const s = r * r;
  const series = 1 + s * (1.0 / 3 + s * (1.0 / 5 + s * (1.0 / 7 + s * (1.0 / 9))));
  return <f64>n * LN2 + 2 * r * series + (x - x);
}
