import type { Session } from '../../../index.ts';
import type { EncodedChoice } from './encode-choices.ts';
import { BadQuestion } from './question.ts';

/**
 * Tokens of a step on the CPU. What a session shares with the last question is cut to a multiple of
 * it: the steps are then the same as without, and so are the bits, also in a run that goes on.
 */
const STEP = 48;

/** What a model says of the choices of a question. */
export interface ChoiceScores {
  /** Sums of log-probabilities, natural logarithms, one for each choice. */
  readonly loglikelihoods: readonly number[];
  /** Whether the context was cut to fit. */
  readonly isTruncated: boolean;
}

/**
 * Scores choices one after the other. The session is left with the context; what it shares with the
 * context of the next question is not computed again.
 *
 * @param contextLength of the model; as in lm-evaluation-harness, as many tokens and one more, which
 *   is not evaluated, are kept from the end of context and choice
 * @throws BadQuestion for a choice that has no room; as `session.prefill` and `session.score`
 */
export async function scoreChoices(
  session: Session,
  choices: readonly EncodedChoice[],
  contextLength: number,
): Promise<ChoiceScores> {
  const loglikelihoods: number[] = [];
  let isTruncated = false;
  for (const [i, { context, continuation }] of choices.entries()) {
    const room = contextLength + 1 - continuation.length;
    if (room < 2) {
      throw new BadQuestion(
        `choice ${i + 1} has ${continuation.length} tokens, the context takes ${contextLength - 1} at most`,
      );
    }
    const kept = context.subarray(-room);
    isTruncated ||= kept.length < context.length;
    await moveTo(session, kept.subarray(0, -1));
    const scores = await session.score([kept.at(-1)!, ...continuation]);
    loglikelihoods.push(scores.reduce((sum, score) => sum + score, 0));
  }
  return { loglikelihoods, isTruncated };
}

/** Makes `ids` all that a session holds. */
async function moveTo(session: Session, ids: Uint32Array): Promise<void> {
  const held = session.tokens;
  let shared = 0;
  while (shared < held.length && held[shared] === ids[shared]) shared++;
  if (shared === held.length && shared === ids.length) return;
  const kept = shared - (shared % STEP);
  session.truncate(kept);
  if (kept < ids.length) await session.prefill(ids.subarray(kept));
}
