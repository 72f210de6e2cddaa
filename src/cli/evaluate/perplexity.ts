import type { Model } from '../../index.ts';
import { countWindows, windowAt, type WindowPlan } from './windows.ts';

/** How far a text is scored. */
export interface Tally {
  /** Windows that are done. */
  readonly windows: number;
  /** Minus the sum of the log-probabilities of their tokens, natural logarithms. */
  readonly nats: number;
}

/** What stands before a text, and the text. */
export interface TokenizedText {
  readonly startIds: readonly number[];
  readonly ids: Uint32Array;
}

/**
 * Scores the windows of a text, one after the other. The sum is of doubles in the order of the text,
 * so that a run that was interrupted ends with the same bits.
 *
 * @param tally where to begin
 * @param onWindow called after each window; the next one is begun when it is done
 * @throws TpaError as `model.score` does; what `onWindow` throws
 */
export async function scoreWindows(
  model: Pick<Model, 'score'>,
  { startIds, ids }: TokenizedText,
  plan: WindowPlan,
  tally: Tally,
  signal: AbortSignal,
  onWindow: (tally: Tally) => void | Promise<void>,
): Promise<Tally> {
  let { windows, nats } = tally;
  for (const all = countWindows(plan); windows < all;) {
    const { first, end, scored } = windowAt(plan, windows);
    const context = [...startIds, ...ids.subarray(first, end)];
    const scores = await model.score(context, { signal });
    // entry i is of token i + 1
    for (const score of scores.subarray(startIds.length + scored - first - 1)) nats -= score;
    windows++;
    await onWindow({ windows, nats });
  }
  return { windows, nats };
}
