import * as assert from 'uvu/assert';
import { maxAbsDiff } from './close.ts';

/**
 * What float32 arithmetic may move logits by, times 1 + max |logit|: the golden models state
 * 6e-5 for logits up to 9.
 */
export const LOGIT_TOLERANCE = 6e-6;

/** A broken convention must move logits by this many tolerances. */
export const BREAK_MARGIN = 100;

/** The largest difference a float32 runtime may show against these logits. */
export function logitTolerance(logits: Float64Array): number {
  return LOGIT_TOLERANCE * (1 + logits.reduce((max, logit) => Math.max(max, Math.abs(logit)), 0));
}

/** Fails unless the breaks listed move the logits by {@link BREAK_MARGIN} tolerances and no other moves them at all. */
export function assertBreaks<B extends string>(
  logitsOf: (broken?: B) => Float64Array,
  all: readonly B[],
  listed: readonly B[],
): void {
  const right = logitsOf();
  const margin = BREAK_MARGIN * logitTolerance(right);
  for (const broken of all) {
    const off = maxAbsDiff(logitsOf(broken), right);
    if (listed.includes(broken)) assert.ok(off >= margin, `${broken}: off by ${off} < ${margin}`);
    else assert.is(off, 0, `${broken} is not listed`);
  }
}
