import { type AttentionSpec, cacheNumbersPerToken } from '../../src/attention/spec.ts';
import { piecesOf } from '../../src/layout/pages.ts';

/**
 * What a cache of codes keeps of tokens (count, numbers): each rank of a factor has the scale
 * max |x| / largest, and its numbers are rounded to whole multiples of it. In float32, step by step.
 */
export function rounded(spec: AttentionSpec, numbers: Float32Array, largest: number): Float32Array {
  const out = new Float32Array(numbers.length);
  const width = cacheNumbersPerToken(spec);
  for (let token = 0; token < numbers.length; token += width) {
    for (const { factor, from, numbers: size } of piecesOf(spec)) {
      const ranks = factor === 'ak' || factor === 'bk' ? spec.rankK : spec.rankV;
      const isOfHeads = factor === 'ak' || factor === 'av'; // (heads, rank); else (rank, width)
      const length = size / ranks;
      for (let rank = 0; rank < ranks; rank++) {
        const places = Array.from(
          { length },
          (_, i) => token + from + (isOfHeads ? i * ranks + rank : rank * length + i),
        );
        const peak = Math.max(0, ...places.map((at) => Math.abs(numbers[at]!)));
        const scale = Math.fround(peak / largest);
        const inverse = peak === 0 ? 0 : Math.fround(largest / peak);
        for (const at of places) {
          // a code has no sign of zero
          const code = halfToEven(Math.fround(numbers[at]! * inverse)) + 0;
          out[at] = Math.fround(code * scale);
        }
      }
    }
  }
  return out;
}

function halfToEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}
