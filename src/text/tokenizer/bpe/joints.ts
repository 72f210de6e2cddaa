const BITS = 20;

/**
 * Pairs of symbols over which some merge may join a run; between all others it can be cut before
 * merging. A filter of 128 KB: a pair that it knows by mistake only costs a cut.
 */
export class Joints {
  readonly #bits = new Uint8Array(2 ** (BITS - 3));

  add(left: number, right: number): void {
    const bit = bitOf(left, right);
    this.#bits[bit >> 3]! |= 1 << (bit & 7);
  }

  has(left: number, right: number): boolean {
    const bit = bitOf(left, right);
    return ((this.#bits[bit >> 3]! >> (bit & 7)) & 1) === 1;
  }
}

function bitOf(left: number, right: number): number {
  const hash = Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca6b);
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> (32 - BITS);
}
