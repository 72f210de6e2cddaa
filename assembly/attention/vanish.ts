import { exp2Once } from '../simd/exp2';
import { sumLanes } from '../simd/reduce';
import { PAGE_TOKENS } from '../layout/pages';

/** What a head may skip, as a part of the sum of its weights: half a unit in the last place of 1. */
const BUDGET: f32 = 5.9604644775390625e-8; // 2^-24

/**
 * Whether a page cannot change what a head attends to, so that its weights and values may be skipped.
 *
 * A page weighs at most 96 · 2^(found − max). It is skipped if that and all that was skipped before are at most 2^-24 of
 * the sum of weights so far. The sum only grows, and both are rescaled alike when the maximum rises: at the end, what is
 * skipped is still at most 2^-24 of the sum, whatever the logits and however many pages there are. That holds for each
 * span, hence for all. Leaving out a part e of the weights moves their mean by at most 2 e max|V|, here 1.2e-7 max|V|.
 *
 * The answer follows from the head's own logits alone, so that the bits depend on no range of heads. A NaN among the
 * logits is never skipped; values of a skipped page are not read.
 *
 * @param logits (columns), a multiple of 4, masked
 * @param found the largest of them
 * @param max running maximum before this page
 * @param sum running sum of weights before this page
 * @param skippedAt what was skipped so far, in the scale of `max`; 0 at first. Updated
 */
@inline
export function vanishes(logits: usize, columns: usize, found: f32, max: f32, sum: f32, skippedAt: usize): bool {
  const skipped = load<f32>(skippedAt);
  if (found > max) {
    if (skipped) store<f32>(skippedAt, skipped * power(max - found));
    return false;
  }
  const all = skipped + <f32>PAGE_TOKENS * power(found - max);
  if (!(all <= BUDGET * sum) || hasNaN(logits, columns)) return false;
  store<f32>(skippedAt, all);
  return true;
}

/** The maximum of a row passes over NaN; its sum does not. No logit is +∞ here, lest ∞ − ∞ seem a NaN. */
@inline
function hasNaN(logits: usize, columns: usize): bool {
  let sum = f32x4.splat(0);
  for (const end = logits + (columns << 2); logits < end; logits += 16) sum = f32x4.add(sum, v128.load(logits));
  const total = sumLanes(sum);
  return total != total;
}


@inline
function power(x: f32): f32 {
  return f32x4.extract_lane(exp2Once(f32x4.splat(x)), 0);
}
