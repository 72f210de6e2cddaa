import type { AttentionSpec } from '../../src/attention/spec.ts';
import type { AttentionCache } from './attention.ts';
import { rounded } from './codes.ts';

const NAMES = ['ak', 'bk', 'av', 'bv'] as const;
const PAGE_TOKENS = 96;
/** What a sum of products of integers stays below, but for what float32 sums may be wrong. */
const MOST = 2 ** 31 - 2 ** 23;

/** What a cache of codes keeps of the factors of `tokens` tokens; those it does not store are empty. */
export function roundedFactors(
  spec: AttentionSpec,
  factors: AttentionCache,
  tokens: number,
  largest: number,
): Record<(typeof NAMES)[number], Float32Array> {
  const widths = NAMES.map((name) => factors[name].length / tokens);
  const places = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));
  const width = places[3]! + widths[3]!;
  const numbers = new Float32Array(tokens * width);
  const each = (visit: (part: number, from: number, to: number) => void) => {
    for (const [part, size] of widths.entries()) {
      for (let i = 0; i < tokens * size; i++) {
        visit(part, i, Math.floor(i / size) * width + places[part]! + (i % size));
      }
    }
  };
  each((part, from, to) => {
    numbers[to] = factors[NAMES[part]!][from]!;
  });
  const kept = rounded(spec, numbers, largest);
  const out = widths.map((size) => new Float32Array(tokens * size));
  each((part, to, from) => {
    out[part]![to] = kept[from]!;
  });
  return { ak: out[0]!, bk: out[1]!, av: out[2]!, bv: out[3]! };
}

/** The most that an integer of 1 may count in a row that is to meet codes up to `largest`. */
export function operandStep(row: ArrayLike<number>, largest: number): number {
  const sizes = Array.from(row, Math.abs);
  const sum = sizes.reduce((a, b) => a + b, 0);
  return Math.max(Math.max(...sizes) / 32767, sum / (MOST / largest - row.length / 2));
}

/** Σ |x| of each row (rows, width). */
export function rowSums(x: ArrayLike<number>, width: number): number[] {
  const sums = Array.from({ length: x.length / width }, () => 0);
  for (let i = 0; i < x.length; i++) sums[Math.floor(i / width)]! += Math.abs(x[i]!);
  return sums;
}

/** The largest step of rows (rows, width), halved: what rounding moves a number of them by. */
export function operandError(rows: Float32Array, width: number, largest: number): number {
  let most = 0;
  for (let at = 0; at < rows.length; at += width) {
    most = Math.max(most, operandStep(rows.subarray(at, at + width), largest));
  }
  return most / 2;
}

/**
 * What the rounding of weights moves an output by, of values up to 1: at each token of a page two integers,
 * of which the sum of all p is worth 32767, or what 32 bits leave.
 */
export function weightError(ranks: number, largest: number): number {
  return (2 * PAGE_TOKENS) / Math.min(32767, MOST / (largest * ranks) - PAGE_TOKENS / 2);
}
