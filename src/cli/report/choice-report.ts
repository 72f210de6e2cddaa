import {
  accuracy,
  likeliest,
  likeliestPerByte,
  type ScoredQuestion,
  type Share,
} from '../evaluate/choice/accuracy.ts';
import type { ExampleOptions } from '../evaluate/choice/examples.ts';
import type { SkippedLine, SkippedLines } from '../evaluate/choice/question-file.ts';
import { count, decimals, renderTable, type Row } from './table.ts';

/** How well a model answers, and what it was asked. Accuracies have the names of the harness. */
export interface ChoiceReport {
  /** Share of questions whose right choice is the likeliest. */
  readonly acc: number;
  /** Standard error of the mean; null for one question. */
  readonly acc_stderr: number | null;
  /** As `acc`, with the log-likelihood divided by the choice's UTF-8 bytes. */
  readonly acc_norm: number;
  readonly acc_norm_stderr: number | null;
  /** That were scored. */
  readonly questions: number;
  /** Of which data set's form they are. */
  readonly form: string;
  readonly shots: number;
  readonly seed: number;
  /** Questions that the context was too short for: the beginning was left out. */
  readonly truncated: number;
  /** Lines that are no questions. */
  readonly skipped: number;
  /** The first of them. */
  readonly skippedLines: readonly SkippedLine[];
  readonly scores: readonly ScoredQuestion[];
}

/** @param scores of one question or more */
export function describeChoices(
  scores: readonly ScoredQuestion[],
  form: string,
  { shots, seed }: ExampleOptions,
  skipped: SkippedLines,
): ChoiceReport {
  const raw = accuracy(scores, likeliest);
  const normed = accuracy(scores, likeliestPerByte);
  return {
    acc: raw.mean,
    acc_stderr: raw.error,
    acc_norm: normed.mean,
    acc_norm_stderr: normed.error,
    questions: scores.length,
    form,
    shots,
    seed,
    truncated: scores.filter(({ isTruncated }) => isTruncated).length,
    skipped: skipped.count,
    skippedLines: skipped.first,
    scores,
  };
}

/** Lines for a reader. */
export function renderChoices(
  report: ChoiceReport,
  dtype: string,
  questionsPerSecond: number | null,
): string {
  const { questions, form, shots, seed, truncated, skipped, skippedLines } = report;
  const speed = questionsPerSecond === null ? '' : `, ${decimals(questionsPerSecond)} a second`;
  const rows: Row[] = [
    ['acc', share({ mean: report.acc, error: report.acc_stderr })],
    ['acc_norm', share({ mean: report.acc_norm, error: report.acc_norm_stderr })],
    ['questions', `${count(questions)} of the form ${form}, with weights as ${dtype}${speed}`],
    ['examples', shots === 0 ? 'none' : `${count(shots)} before each question, seed ${seed}`],
  ];
  if (truncated > 0) {
    rows.push(['truncated', `${count(truncated)} questions, whose beginning was left out`]);
  }
  if (skipped > 0) {
    const lines = skippedLines.map(({ line }) => line).join(', ');
    const more = skipped > skippedLines.length ? ', …' : '';
    rows.push(['skipped', `${count(skipped)} lines that are no questions: ${lines}${more}`]);
  }
  return renderTable(rows);
}

function share({ mean, error }: Share): string {
  return error === null ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${error.toFixed(4)}`;
}
