import { createHash } from 'node:crypto';
import { UsageError } from '../../exit.ts';
import type { Questions } from './question-file.ts';
import type { Question } from './question.ts';

/** Between two examples, and before the question. */
const GAP = '\n\n';

/** Where examples come from, and how many. */
export interface ExampleOptions {
  /** Before each question. */
  readonly shots: number;
  readonly seed: number;
}

/** Questions with their answers, to stand before others. */
export class Examples {
  readonly #source: Questions;
  readonly #options: ExampleOptions;
  /** Of each description: of each subject of MMLU. */
  readonly #pools: ReadonlyMap<string, readonly Question[]>;

  constructor(source: Questions, options: ExampleOptions) {
    this.#source = source;
    this.#options = options;
    const pools = new Map<string, Question[]>();
    for (const question of source.questions) {
      const pool = pools.get(question.description);
      if (pool === undefined) pools.set(question.description, [question]);
      else pool.push(question);
    }
    this.#pools = pools;
  }

  /**
   * The whole context of a question: what it is about, examples and the question itself. They are the
   * same whichever other questions are asked.
   *
   * @throws UsageError where there are too few examples
   */
  before(question: Question): string {
    const { shots, seed } = this.#options;
    const pool = this.#pools.get(question.description) ?? [];
    const isFirst = this.#source.form.takesFirst;
    const examples: string[] = [];
    for (const example of isFirst ? pool : drawn(pool, `${seed} ${question.line}`)) {
      if (examples.length === shots) break;
      if (!isSame(example, question)) examples.push(answered(example));
    }
    if (examples.length === shots) {
      return question.description + examples.join('') + question.context;
    }
    throw new UsageError(
      `"--shots" expected at most ${examples.length}, the examples for line ${question.line}, got ${shots}`,
    );
  }
}

/** A question is no example for itself, wherever it is written down. */
function isSame(one: Question, other: Question): boolean {
  return (
    one.context === other.context &&
    one.choices.length === other.choices.length &&
    one.choices.every((choice, i) => choice === other.choices[i])
  );
}

function answered({ context, delimiter, choices, answer }: Question): string {
  return context + delimiter + choices[answer]! + GAP;
}

/** All of a pool in an order that the key decides. */
function* drawn(pool: readonly Question[], key: string): Generator<Question> {
  const moved = new Map<number, number>(); // the few that are not where they were
  for (let i = 0; i < pool.length; i++) {
    const at = i + randomBelow(pool.length - i, `${key} ${i}`);
    yield pool[moved.get(at) ?? at]!;
    moved.set(at, moved.get(i) ?? i);
  }
}

/** An integer in 0 … count - 1, of 48 bits: the bias is too small to be seen. */
function randomBelow(count: number, key: string): number {
  return createHash('sha256').update(key).digest().readUIntBE(0, 6) % count;
}
