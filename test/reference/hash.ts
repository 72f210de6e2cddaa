const MASK = (1n << 128n) - 1n;

/** The hash of numbers given by their bits, in u32 and BigInt, one number after the other. */
export function hash(contents: Uint32Array, seed: Uint32Array = new Uint32Array(16)): Uint32Array {
  const state = [0, 4, 8, 12].map((at) => seed.slice(at, at + 4));
  const mix = () => {
    const newest = rotate(state.at(-1)!);
    const oldest = state.shift()!;
    state.push(oldest.map((x, lane) => Math.imul(x ^ (x >>> 15), 0x9e3779b1) + newest[lane]!));
  };
  for (const [i, number] of contents.entries()) {
    state[0]![i % 4]! ^= number;
    if (i % 4 === 3) mix();
  }
  state[3]![0]! ^= contents.length;
  for (let block = 0; block < 24; block++) mix();
  return state[3]!;
}

/** A vector rotated by 5 bytes. */
function rotate(vector: Uint32Array): Uint32Array {
  const all = vector.reduceRight((high, lane) => (high << 32n) | BigInt(lane), 0n);
  const rotated = ((all >> 40n) | (all << 88n)) & MASK;
  return Uint32Array.from([0n, 32n, 64n, 96n], (at) => Number((rotated >> at) & 0xffffffffn));
}
