import { quoted } from '../../../base/arguments.ts';
import { yieldMacrotask } from '../../../base/time.ts';
import { TpaError } from '../../../index.ts';
import { UsageError } from '../../exit.ts';
import { type Form, FORMS } from './forms.ts';
import { BadQuestion, type Question, type Row } from './question.ts';

/** Milliseconds of work between two looks whether Ctrl-C was pressed: a bad line takes 10 µs. */
const SLICE_MS = 50;

/** A line that was left out, and why. */
export interface SkippedLine {
  readonly line: number;
  readonly reason: string;
}

/** Lines that are no questions: how many, and the first of them. */
export class SkippedLines {
  /** A file of 32 MiB may have as many bad lines. */
  static readonly #most = 20;
  readonly first: SkippedLine[] = [];
  readonly #name: string;
  readonly #areSkipped: boolean;
  #count = 0;

  /**
   * @param name of the file, as messages show it
   * @param areSkipped whether bad lines are counted; else the first one is an error
   */
  constructor(name: string, areSkipped: boolean) {
    this.#name = name;
    this.#areSkipped = areSkipped;
  }

  get count(): number {
    return this.#count;
  }

  /** Leaves a line out. @throws UsageError unless bad lines are skipped */
  add(line: number, reason: string): void {
    if (!this.#areSkipped) {
      const message = `line ${line} of ${this.#name} cannot be asked: ${reason}; mend it, or leave such lines out with --skip-bad`;
      throw new UsageError(message);
    }
    this.#count++;
    if (this.first.length < SkippedLines.#most) this.first.push({ line, reason });
  }
}

/** Questions of one form. */
export interface Questions {
  readonly form: Form;
  readonly questions: readonly Question[];
}

/**
 * Reads a file of questions, one JSON object a line; empty lines count as lines alone. The first line
 * that is a question says of which form all are.
 *
 * @param name of the file, as messages show it
 * @param skipped what is told of lines that are no questions
 * @param signal ends it
 * @throws UsageError for a bad line, unless they are skipped; TpaError `PROMPT_EMPTY` where no line
 *   is a question; AbortError
 */
export async function readQuestions(
  text: string,
  name: string,
  skipped: SkippedLines,
  signal?: AbortSignal,
): Promise<Questions> {
  const questions: Question[] = [];
  let form: Form | undefined;
  let since = performance.now();
  for (const [line, content] of linesOf(text)) {
    if (performance.now() - since > SLICE_MS) {
      await yieldMacrotask();
      signal?.throwIfAborted();
      since = performance.now();
    }
    try {
      const row = parseRow(content);
      const known = form ?? FORMS.find((one) => one.fits(row));
      if (known === undefined) throw unknownForm(row);
      questions.push({ line, ...known.read(row) });
      form = known;
    } catch (error) {
      if (!(error instanceof BadQuestion)) throw error;
      skipped.add(line, error.message);
    }
  }
  if (form !== undefined && questions.length > 0) return { form, questions };
  const message = `${name} has no question; pass a file of JSON objects, one a line`;
  throw new TpaError('PROMPT_EMPTY', message, { data: { skipped: skipped.count } });
}

/** Lines that hold something, with their numbers from 1. */
function* linesOf(text: string): Generator<readonly [line: number, content: string]> {
  let line = 0;
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at);
    const content = text.slice(at, end < 0 ? undefined : end).trim();
    line++;
    if (content !== '') yield [line, content];
    at = end < 0 ? text.length : end + 1;
  }
}

function unknownForm(row: Row): BadQuestion {
  const fields = Object.keys(row)
    .slice(0, 5)
    .map((field) => quoted(field));
  return new BadQuestion(`it is of no known form, its fields are ${fields.join(', ') || 'none'}`);
}

function parseRow(content: string): Row {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new BadQuestion('it is not JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
  throw new BadQuestion('it is no JSON object');
}
