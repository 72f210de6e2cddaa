/** A stream of uniform numbers. */
export interface RandomSource {
  /** The next number in [0, 1), a multiple of 2^-53. */
  next(): number;
}

/** Outputs thrown away so that seeds differing in one bit have no visible kinship. */
const WARM_UP = 15;

/**
 * The generator sfc32, in 32-bit integer arithmetic only: the same state gives the same numbers in
 * every runtime.
 */
export class Random implements RandomSource {
  /** a, b, c and the counter of sfc32. */
  readonly #words: Uint32Array;

  /** @param state as another's {@link state} was */
  constructor(state: Uint32Array) {
    this.#words = state.slice(0, 4);
  }

  /** A copy of the four words that all numbers to come are made from. */
  get state(): Uint32Array {
    return this.#words.slice();
  }

  next(): number {
    const high = this.next32() >>> 5; // 27 bits
    const low = this.next32() >>> 6; // 26 bits
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** The next integer in 0 … 2^32 - 1. */
  next32(): number {
    const words = this.#words;
    const b = words[1]!;
    const c = words[2]!;
    const out = (words[0]! + b + words[3]!) | 0;
    words[0] = b ^ (b >>> 9);
    words[1] = c + (c << 3);
    words[2] = ((c << 21) | (c >>> 11)) + out;
    words[3]!++;
    return out >>> 0;
  }
}

/**
 * A generator whose words are the seed, expanded by splitmix32.
 *
 * @param seed an integer in 0 … 2^53 - 1
 */
export function createRandom(seed: number): Random {
  const expand = splitmix32(seed >>> 0);
  const a = expand() ^ Math.floor(seed / 2 ** 32);
  const random = new Random(Uint32Array.of(a, expand(), expand(), 1));
  for (let i = 0; i < WARM_UP; i++) random.next32();
  return random;
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
