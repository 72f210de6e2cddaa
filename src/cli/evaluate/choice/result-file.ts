import { type FileHandle, open } from 'node:fs/promises';
import {
  checkIdentity,
  noState,
  parseObject,
  readStateText,
  type RunIdentity,
  unusable,
} from '../state-file.ts';
import { scored, type ScoredQuestion } from './accuracy.ts';
import type { Question } from './question.ts';

/** What the first line says of the others. */
const FORMAT = 'tpa eval choice 1';
/** A question of four choices takes 150 bytes: 400,000 of them. */
const MAX_BYTES = 2 ** 26;

/** What a question came to: its scores, or why it was left out. */
export type Outcome = ScoredQuestion | { readonly line: number; readonly reason: string };

/**
 * The state of a run that can go on: a line that says what it is of, and then one for each question,
 * added when it is scored. A line that was cut off when the process ended is written anew.
 */
export class ResultFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** Outcomes of the first questions, from runs before. */
  readonly done: readonly Outcome[];

  private constructor(path: string, handle: FileHandle, done: readonly Outcome[]) {
    this.#path = path;
    this.#handle = handle;
    this.done = done;
  }

  /**
   * Opens the file, or begins it.
   *
   * @param questions in the order in which they are asked
   * @throws UsageError for a file that is no state, one of another run, by the field that differs, or
   *   one that cannot be read or written
   */
  static async open(
    path: string,
    identity: RunIdentity,
    questions: readonly Question[],
  ): Promise<ResultFile> {
    const expected = { format: FORMAT, ...identity };
    const head = `${JSON.stringify(expected)}\n`;
    const content = (await readStateText(path, MAX_BYTES)) ?? '';
    const whole = content.slice(0, content.lastIndexOf('\n') + 1);
    const [first, ...lines] = whole.split('\n').slice(0, -1);
    if (first === undefined && !head.startsWith(content)) throw noState(path);
    if (first !== undefined) checkIdentity(path, first, expected);
    if (lines.length > questions.length) lines.length = questions.length;
    const done = lines.map((line, i) => readOutcome(path, line, questions[i]!));
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'a');
      await handle.truncate(Buffer.byteLength(whole));
      if (first === undefined) await handle.appendFile(head);
      return new ResultFile(path, handle, done);
    } catch (error) {
      await handle?.close();
      throw unusable(path, 'written', error);
    }
  }

  /** Adds the outcome of the next question. @throws UsageError where it cannot be written */
  async add(outcome: Outcome): Promise<void> {
    try {
      await this.#handle.appendFile(`${JSON.stringify(outcome)}\n`);
    } catch (error) {
      throw unusable(this.#path, 'written', error);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The outcome of this question. @throws UsageError where it is that of another */
function readOutcome(path: string, text: string, question: Question): Outcome {
  const { line, choices } = question;
  const { line: found, reason, loglikelihoods, isTruncated } = parseObject(text) ?? {};
  if (found !== line) throw noState(path);
  if (typeof reason === 'string') return { line, reason };
  const isWhole =
    Array.isArray(loglikelihoods) &&
    loglikelihoods.length === choices.length &&
    loglikelihoods.every(Number.isFinite) &&
    typeof isTruncated === 'boolean';
  if (!isWhole) throw noState(path);
  return scored(question, { loglikelihoods: loglikelihoods as number[], isTruncated });
}
