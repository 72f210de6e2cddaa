/*
 * Cosines and sines of rotary embeddings, computed here and not by the engine's Math so that
 * every runtime rotates by the same bits. Angles follow the upstream code: the float32 product of
 * a float32 position and a float32 frequency (float64 angles flip 0.2-0.6 % of bfloat16 entries).
 */

/** Writes frequencies[i] = 1 / theta^(2i / headDim), rounded to float32 after each operation. */
export function ropeFrequencies(frequencies: usize, headDim: usize, theta: f64): void {
  for (let i: usize = 0; i < headDim; i += 2) {
    const exponent: f64 = <f32>i / <f32>headDim;
    store<f32>(frequencies + (i << 1), <f32>1 / <f32>Math.exp(exponent * Math.log(theta)));
  }
}

/**
 * Writes the tables of positions position … position + count.
 *
 * @param cos @param sin (count, pairs)
 * @param frequencies (pairs)
 * @param isBfloat16 round cosines and sines to bfloat16 as upstream training does, before decay
 * @param magnitude both tables are times it: YaRN's attention factor, 1 for none
 * @param logDecay both tables are times e^(angle · logDecay): RoPE with decay, 0 for none
 * Error before rounding to float32 below 1e-9 · magnitude for positions below 2^24.
 */
export function ropeTable(
  cos: usize,
  sin: usize,
  frequencies: usize,
  pairs: usize,
  position: usize,
  count: usize,
  isBfloat16: bool,
  magnitude: f64,
  logDecay: f64,
): void {
  for (let t: usize = 0; t < count; t++) {
    for (let i: usize = 0; i < pairs; i++) {
      const angle: f64 = <f32>(position + t) * load<f32>(frequencies + (i << 2));
      const quarter = nearest(angle * TWO_OVER_PI);
      const r = angle - quarter * HALF_PI_HIGH - quarter * HALF_PI_LOW;
      const s = sinNear0(r),
        c = cosNear0(r);
      const turn = (<u32>quarter) & 3;
      const swap = turn & 1;
      const decay = logDecay ? Math.exp(angle * logDecay) : 1;
      put(cos, (turn == 1 || turn == 2 ? -magnitude : magnitude) * (swap ? s : c), isBfloat16, decay);
      put(sin, (turn >= 2 ? -magnitude : magnitude) * (swap ? c : s), isBfloat16, decay);
      cos += 4;
      sin += 4;
    }
  }
}

const TWO_OVER_PI: f64 = 0.6366197723675814;
/** The first 29 bits of pi / 2: its product with a quarter below 2^24 is exact. */
const HALF_PI_HIGH: f64 = 1.570796325802803;
const HALF_PI_LOW: f64 = 9.920935796805404e-10;

/** Taylor polynomial on [-pi/4, pi/4], error 5e-17. */
function sinNear0(x: f64): f64 {
  const z = x * x;
  return (
    x *
    (1 +
      z *
        (-1.0 / 6 +
          z *
            (1.0 / 120 +
              z *
                (-1.0 / 5040 +
                  z * (1.0 / 362880 + z * (-1.0 / 39916800 + z * (1.0 / 6227020800 - z / 1307674368000)))))))
  );
}

/** Taylor polynomial on [-pi/4, pi/4], error 1e-15. */
function cosNear0(x: f64): f64 {
  const z = x * x;
  return (
    1 +
    z *
      (-0.5 +
        z *
          (1.0 / 24 +
            z * (-1.0 / 720 + z * (1.0 / 40320 + z * (-1.0 / 3628800 + z * (1.0 / 479001600 - z / 87178291200))))))
  );
}

/** Stores as float32, rounded to nearest even bfloat16 on the way if asked, then times decay. */
function put(at: usize, value: f64, isBfloat16: bool, decay: f64): void {
  let bits = reinterpret<u32>(<f32>value);
  if (isBfloat16) bits = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000;
  store<f32>(at, <f32>(<f64>reinterpret<f32>(bits) * decay));
}
