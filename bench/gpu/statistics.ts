import { median } from '../median.ts';

/** ‖actual − expected‖ ÷ ‖expected‖; NaN where a number is none. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  let error = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(error / size);
}

/** How many times longer `a` took than `b`: the median of what ran in the same round. */
export function pairedRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((seconds, round) => seconds / (b[round] ?? Number.NaN)));
}

/** The value that stands out most. */
export interface Outlier {
  readonly index: number;
  /** Value over the median of its neighbours. */
  readonly ratio: number;
}

/** Neighbours on each side. */
const REACH = 2;

/**
 * Where a sequence is least smooth: the largest value over the median of its two neighbours on
 * each side.
 *
 * @returns undefined of fewer than three values
 */
export function worstOutlier(values: readonly number[]): Outlier | undefined {
  if (values.length < 3) return undefined;
  const ratios = values.map((value, at) => {
    const neighbours = values.filter((_, i) => i !== at && Math.abs(i - at) <= REACH);
    return value / median(neighbours);
  });
  const ratio = Math.max(...ratios);
  return { index: ratios.indexOf(ratio), ratio };
}
