import type { Clock } from '../base/time.ts';
import { messageOf, TpaError, unavailable } from '../base/errors.ts';

/** At most 3 runs are timed, after one that compiles shaders … */
const RUNS = 3;
/** … fewer once they have taken 250 ms. */
const ENOUGH = 250;

/** Rejects as {@link unavailable} with the reason for which `promise` rejects. */
export function orUnavailable<T>(promise: Promise<T>): Promise<T> {
  return promise.catch((cause: unknown) => {
    throw unavailable(messageOf(cause), cause);
  });
}

/**
 * Judges what a GPU computed by what the CPU did.
 *
 * @param limitOf how far a number may be off, from the largest magnitude expected
 * @throws TpaError `BACKEND_UNAVAILABLE` where one is off by more
 */
export function checkAgainst(
  expected: Float32Array,
  found: Float32Array,
  limitOf: (largest: number) => number,
  what: string,
): void {
  let largest = 0;
  let error = found.length === expected.length ? 0 : Infinity;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const difference = Math.abs(found[i]! - expected[i]!);
    error = Math.max(error, Number.isNaN(difference) ? Infinity : difference);
  }
  const limit = limitOf(largest);
  if (error <= limit) return;
  const message = `the GPU computes ${what} wrong: off by ${error}, expected at most ${limit}`;
  throw new TpaError('BACKEND_UNAVAILABLE', message, { data: { error, limit } });
}

/** The median time of a few runs. @param run returns its milliseconds */
export async function medianTime(clock: Clock, run: () => Promise<number>): Promise<number> {
  await run();
  const started = clock.now();
  const times: number[] = [];
  while (times.length < RUNS && (times.length === 0 || clock.now() - started < ENOUGH)) {
    times.push(await run());
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

/** Whether no number is NaN or infinite. */
export function areFinite(numbers: Float32Array): boolean {
  return numbers.every((number) => Number.isFinite(number));
}

/** Whether all are 0: what a buffer that nobody wrote gives. */
export function areZeros(numbers: Float32Array): boolean {
  return numbers.every((number) => number === 0);
}
