/** A stream of uniform numbers. */
export interface RandomSource {
  /** The next number in [0, 1), a multiple of 2^-53. */
  next(): number;
}

/** Outputs thrown away so that seeds differing in one bit have no visible kinship. */
const WARM_UP = 15;

/**
 * A seeded generator (sfc32 over a splitmix32-expanded seed) in 32-bit integer arithmetic only:
 * the same seed gives the same numbers in every runtime.
 *
 * @param seed an integer in 0 … 2^53 - 1
 */
export function createRandom(seed: number): RandomSource {
  const expand = splitmix32(seed >>> 0);
  let a = expand() ^ Math.floor(seed / 2 ** 32);
  let b = expand();
  let c = expand();
  let counter = 1;

  function next32(): number {
    const out = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  for (let i = 0; i < WARM_UP; i++) next32();
  return {
    next() {
      const high = next32() >>> 5; // 27 bits
      const low = next32() >>> 6; // 26 bits
      return (high * 2 ** 26 + low) / 2 ** 53;
    },
  };
}

/** A seed nobody chose: 32 bits from the platform, short enough to print and to type again. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

function splitmix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
}
