import { createHash } from 'node:crypto';
import { type Model, TpaError } from '../../index.ts';
import { command } from '../arguments.ts';
import { flag, integer, text } from '../command-spec.ts';
import type { ScoredQuestion } from '../evaluate/choice/accuracy.ts';
import { askQuestions } from '../evaluate/choice/ask.ts';
import { type ExampleOptions, Examples } from '../evaluate/choice/examples.ts';
import { type Questions, readQuestions, SkippedLines } from '../evaluate/choice/question-file.ts';
import { type Outcome, ResultFile } from '../evaluate/choice/result-file.ts';
import type { RunIdentity } from '../evaluate/state-file.ts';
import { readText, type TextFile } from '../evaluate/text-file.ts';
import { tokenize, tokenizerOf } from '../evaluate/tokenize.ts';
import { EXIT_CODE, shown, UsageError } from '../exit.ts';
import { MODEL_OPTIONS, openModel } from '../open-model.ts';
import { describeChoices, renderChoices } from '../report/choice-report.ts';
import { describeModel } from '../report/model-report.ts';
import type { Host } from '../terminal/host.ts';
import { print } from '../terminal/output.ts';
import { ProgressBar } from '../terminal/progress.ts';

/** The seed that lm-evaluation-harness draws examples with. */
const USUAL_SEED = 1234;
/** Characters of a file that are enough to tell tokenizers apart. */
const SAMPLE = 2 ** 20;

const SPEC = {
  name: 'eval choice',
  about: 'Measure how often a model finds the right answer likeliest: acc and acc_norm.',
  operand: {
    placeholder: 'FILE',
    about: 'questions, one JSON object a line; - reads them from stdin',
    cure: 'join the files first',
  },
  options: {
    ...MODEL_OPTIONS,
    shots: integer({ about: 'answered examples before each question', min: 0, fallback: '0' }),
    shotsFile: text('FILE', {
      about: 'where examples come from',
      fallback: 'the other questions',
    }),
    seed: integer({
      about: 'same seed, same examples',
      min: 0,
      fallback: String(USUAL_SEED),
    }),
    limit: integer({ about: 'ask the first N questions', min: 1, fallback: 'all' }),
    skipBad: flag('leave out lines that are no questions, and count them'),
    resume: text('FILE', { about: 'go on from this state where it is there; add each question' }),
  },
  notes: [
    'Rows of ARC, BoolQ, HellaSwag and MMLU as the Hugging Face hub has them are asked with the prompts\n' +
      'of lm-evaluation-harness. Of other questions a line is {"context":…,"choices":[…],"answer":0},\n' +
      'with a "delimiter" between the two unless it is a space.',
    'acc takes the choice of the largest log-likelihood, acc_norm that of the largest a byte. A context\n' +
      'that is too long loses its beginning. Examples of MMLU are the first of the same subject, others\n' +
      'are drawn.',
    'The state of --resume has a line for each question, with the log-likelihood of each choice. One of\n' +
      'another model, file or other options is refused.',
  ],
};

/** `tpa eval choice`. */
export const choiceCommand = command(SPEC, async ({ values, operand }, host) => {
  const { shots = 0, seed = USUAL_SEED, shotsFile, limit, skipBad = false, resume } = values;
  if (shotsFile !== undefined && shots === 0) {
    throw new UsageError('"--shots-file" expected --shots of at least 1 besides, got 0');
  }
  const source = await readSource(operand, 'FILE', skipBad, host);
  const others =
    shotsFile === undefined ? source : await readSource(shotsFile, '--shots-file', skipBad, host);
  if (others.form !== source.form) {
    const expected = `questions of the form ${source.form.name}`;
    throw new UsageError(`"--shots-file" expected ${expected}, got ${others.form.name}`);
  }
  const { skipped } = source;
  const questions = source.questions.slice(0, limit);
  const options: ExampleOptions = { shots, seed };
  const examples = new Examples(others, options);
  for (const question of questions) examples.before(question); // fails before hours of work

  const { path, loadMilliseconds, ...opened } = await openModel(values, host);
  using model = opened.model;
  const identity = await identityOf(model, source, others, options, host.signal);
  const state =
    resume === undefined ? undefined : await ResultFile.open(resume, identity, questions);
  const scores: ScoredQuestion[] = [];
  const take = (outcome: Outcome): void => {
    if ('reason' in outcome) skipped.add(outcome.line, outcome.reason);
    else scores.push(outcome);
  };
  const bar =
    host.hasProgress && !values.json ? new ProgressBar(host.stderr, 'scoring') : undefined;
  const started = performance.now();
  const resumed = state?.done.length ?? 0;
  let asked = resumed;
  try {
    for (const outcome of state?.done ?? []) take(outcome);
    await askQuestions(model, questions.slice(resumed), examples, host.signal, async (outcome) => {
      take(outcome);
      await state?.add(outcome);
      asked++;
      bar?.update({ loaded: asked, total: questions.length });
    });
  } finally {
    bar?.erase();
    await state?.close();
  }
  const scoreMilliseconds = performance.now() - started;
  const questionsPerSecond =
    asked > resumed ? (1000 * (asked - resumed)) / scoreMilliseconds : null;
  if (scores.length === 0) throw nothingAsked(operand, skipped.count);

  const report = describeChoices(scores, source.form.name, options, skipped);
  if (values.json) {
    const skippedExamples = others === source ? 0 : others.skipped.count;
    const times = { loadMilliseconds, scoreMilliseconds, questionsPerSecond };
    const run = { skippedExamples, resumedQuestions: resumed, ...times };
    const result = { ...report, ...run, model: describeModel(model, path) };
    print(host.stdout, `${JSON.stringify(result)}\n`);
  } else {
    print(host.stdout, renderChoices(report, model.info().dtype, questionsPerSecond));
  }
  return EXIT_CODE.ok;
});

/** A file of questions. */
interface Source extends Questions, TextFile {
  readonly skipped: SkippedLines;
}

/** @param word of the command line that the path is given by */
async function readSource(
  path: string,
  word: string,
  skipBad: boolean,
  host: Host,
): Promise<Source> {
  const file = await readText(path, host, word);
  const skipped = new SkippedLines(nameOf(path), skipBad);
  const read = await readQuestions(file.text, nameOf(path), skipped, host.signal);
  return { ...file, ...read, skipped };
}

/** What must be the same for a run to go on; how many questions are asked need not be. */
async function identityOf(
  model: Model,
  { hash, text: content }: Source,
  others: Source,
  { shots, seed }: ExampleOptions,
  signal: AbortSignal,
): Promise<RunIdentity> {
  const { fingerprint, dtype, cacheDtype } = model.info();
  const tokenizer = tokenizerOf(model);
  const sample = await tokenize(tokenizer, content.slice(0, SAMPLE), false, signal);
  const tokens = createHash('sha256').update(Uint32Array.from(tokenizer.startIds)).update(sample);
  return {
    dtype,
    cacheDtype,
    model: fingerprint, // which the dtype changes, too
    questions: hash,
    examples: others.hash,
    shots,
    seed,
    context: model.config.contextLength,
    tokens: tokens.digest('hex'),
  };
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : shown(path);
}

function nothingAsked(path: string, skipped: number): TpaError {
  const message = `no question of ${nameOf(path)} can be asked; without --skip-bad the first error is told`;
  return new TpaError('PROMPT_EMPTY', message, { data: { skipped } });
}
