/** Seeded source of test data; the same seed gives the same numbers everywhere. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [min, max]. */
  integer(min: number, max: number): number;
  /** `length` float32 numbers uniform in [min, max). */
  uniform(length: number, min?: number, max?: number): Float32Array<ArrayBuffer>;
  /** `length` normal float32 numbers of mean 0. */
  normal(length: number, deviation?: number): Float32Array<ArrayBuffer>;
}

/** A generator (xorshift, 32 bits of state) for the seed. */
export function createRandom(seed: number): Random {
  // spreads neighbouring seeds over the state; 0 is the one state xorshift never leaves
  let state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) next();
  return {
    next,
    integer: (min, max) => min + Math.floor(next() * (max - min + 1)),
    uniform(length, min = -1, max = 1) {
      const out = new Float32Array(length);
      for (let i = 0; i < length; i++) out[i] = min + next() * (max - min);
      return out;
    },
    normal(length, deviation = 1) {
      const out = new Float32Array(length);
      for (let i = 0; i < length; i += 2) {
        // Box–Muller; 1 − u is never 0
        const radius = deviation * Math.sqrt(-2 * Math.log(1 - next()));
        const angle = 2 * Math.PI * next();
        out[i] = radius * Math.cos(angle);
        if (i + 1 < length) out[i + 1] = radius * Math.sin(angle);
      }
      return out;
    },
  };
}
