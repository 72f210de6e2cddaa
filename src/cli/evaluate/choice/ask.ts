import { yieldMacrotask } from '../../../base/time.ts';
import type { Model } from '../../../index.ts';
import { tokenizerOf } from '../tokenize.ts';
import { scored } from './accuracy.ts';
import { encodeChoices } from './encode-choices.ts';
import type { Examples } from './examples.ts';
import { BadQuestion, type Question } from './question.ts';
import type { Outcome } from './result-file.ts';
import { scoreChoices } from './score-choices.ts';

/**
 * Asks a model one question after the other.
 *
 * @param onOutcome called after each question; the next one is begun when it is done
 * @throws as `encodeChoices` and `scoreChoices`, but for a BadQuestion, which is the outcome of its
 *   question; what `onOutcome` throws
 */
export async function askQuestions(
  model: Model,
  questions: Iterable<Question>,
  examples: Examples,
  signal: AbortSignal,
  onOutcome: (outcome: Outcome) => Promise<void>,
): Promise<void> {
  const { contextLength, eosTokenIds } = model.config;
  const tokens = { tokenizer: tokenizerOf(model), prefixId: eosTokenIds[0] };
  using session = model.createSession();
  const stop = (): void => session.dispose(); // ends a step of many chunks, too
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (const question of questions) {
      await onOutcome(await ask(question));
      await yieldMacrotask(); // small models never wait for anything, and Ctrl-C would not be seen
      signal.throwIfAborted();
    }
  } catch (error) {
    signal.throwIfAborted(); // then this is what ended it
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }

  async function ask(question: Question): Promise<Outcome> {
    const { line, delimiter, choices } = question;
    const texts = choices.map((choice) => delimiter + choice);
    try {
      const encoded = await encodeChoices(tokens, examples.before(question), texts, signal);
      return scored(question, await scoreChoices(session, encoded, contextLength));
    } catch (error) {
      if (error instanceof BadQuestion) return { line, reason: error.message };
      throw error;
    }
  }
}
