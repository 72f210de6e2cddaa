import type { Question } from './question.ts';
import type { ChoiceScores } from './score-choices.ts';

/** A question that was scored. */
export interface ScoredQuestion {
  /** Of the file, from 1. */
  readonly line: number;
  /** Which choice is right, from 0. */
  readonly answer: number;
  /** Sums of log-probabilities, natural logarithms, one for each choice. */
  readonly loglikelihoods: readonly number[];
  /** UTF-8 bytes of each choice. */
  readonly bytes: readonly number[];
  /** Whether the beginning of its context was left out. */
  readonly isTruncated: boolean;
}

/** A question with its scores. */
export function scored(
  { line, answer, choices }: Pick<Question, 'line' | 'answer' | 'choices'>,
  { loglikelihoods, isTruncated }: ChoiceScores,
): ScoredQuestion {
  const bytes = choices.map((choice) => Buffer.byteLength(choice));
  return { line, answer, loglikelihoods, bytes, isTruncated };
}

/** A share of questions, 0 … 1, and its standard error, which one question alone does not have. */
export interface Share {
  readonly mean: number;
  readonly error: number | null;
}

/** Which choice is the likeliest; the first of several. */
export function likeliest({ loglikelihoods }: ScoredQuestion): number {
  return indexOfLargest(loglikelihoods);
}

/** Which choice is the likeliest a byte; one without bytes is never. */
export function likeliestPerByte({ loglikelihoods, bytes }: ScoredQuestion): number {
  const rates = loglikelihoods.map((sum, i) => (bytes[i] === 0 ? -Infinity : sum / bytes[i]!));
  return indexOfLargest(rates);
}

/** Share of the questions, at least one, whose answer is what `choose` takes. */
export function accuracy(
  questions: readonly ScoredQuestion[],
  choose: (question: ScoredQuestion) => number,
): Share {
  const count = questions.length;
  const hits = questions.filter((question) => choose(question) === question.answer).length;
  const mean = hits / count;
  // of a sample of zeros and ones
  return { mean, error: count > 1 ? Math.sqrt((mean * (1 - mean)) / (count - 1)) : null };
}

function indexOfLargest(numbers: readonly number[]): number {
  return numbers.reduce((best, number, i) => (number > numbers[best]! ? i : best), 0);
}
