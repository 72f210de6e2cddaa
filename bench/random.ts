/**
 * Reproducible values in [-1, 1) from a 32-bit xorshift generator.
 *
 * @param seed any integer but 0
 */
export function randomValues(length: number, seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(length);
  let state = seed | 0;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = state / 2 ** 31;
  }
  return values;
}
