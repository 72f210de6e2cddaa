import { createHash } from 'node:crypto';
import { type Model, TpaError } from '../../index.ts';
import { command } from '../arguments.ts';
import { flag, integer, text } from '../command-spec.ts';
import { scoreWindows, type Tally, type TokenizedText } from '../evaluate/perplexity.ts';
import { readState, type RunIdentity, writeState } from '../evaluate/state-file.ts';
import { readText, type TextFile } from '../evaluate/text-file.ts';
import { tokenize, tokenizerOf } from '../evaluate/tokenize.ts';
import { countRead, countScored, countWindows, type WindowPlan } from '../evaluate/windows.ts';
import { EXIT_CODE, UsageError } from '../exit.ts';
import { sweepBeside } from '../hidden-folder.ts';
import { MODEL_OPTIONS, openModel } from '../open-model.ts';
import { describeModel } from '../report/model-report.ts';
import { describePerplexity, renderPerplexity } from '../report/perplexity-report.ts';
import { print } from '../terminal/output.ts';
import { ProgressBar } from '../terminal/progress.ts';

const SPEC = {
  name: 'eval perplexity',
  about: 'Measure how well a model predicts a text: perplexity by token and by byte.',
  operand: {
    placeholder: 'FILE',
    about: 'text in UTF-8; - reads it from stdin',
    cure: 'join the texts first',
  },
  options: {
    ...MODEL_OPTIONS,
    stride: integer({
      about: 'tokens from one window to the next',
      min: 1,
      fallback: 'half the context',
    }),
    parseSpecial: flag('read special tokens that the text spells as such, not as text'),
    resume: text('FILE', { about: 'go on from this state where it is there; keep it up to date' }),
  },
  notes: [
    'The text is scored in windows of the context (--context), one stride apart: the first window\n' +
      'scores all of its tokens, each later one those that no window before it has scored. Where texts\n' +
      'of the model begin with BOS, so does every window; else the first token has no score.',
    'The state of --resume is written after each window. One of another model, text, tokenizer or\n' +
      'other options is refused.',
  ],
};

/** `tpa eval perplexity`. */
export const perplexityCommand = command(SPEC, async ({ values, operand }, host) => {
  const file = await readText(operand, host);
  const { path, loadMilliseconds, ...opened } = await openModel(values, host);
  using model = opened.model;
  const { stride, parseSpecial = false, resume } = values;
  const tokenized = await tokensOf(model, file, parseSpecial, host.signal);
  const plan = planFor(model, tokenized, stride);
  const all = countWindows(plan);
  if (countScored(plan, all) === 0) throw tooShort(plan.tokens);

  const identity = identityOf(model, file, tokenized, plan, parseSpecial);
  if (resume !== undefined) await sweepBeside(resume);
  const resumed = resume === undefined ? undefined : await readState(resume, identity, all);
  const from = resumed ?? { windows: 0, nats: 0 };
  if (resume !== undefined) await writeState(resume, identity, from); // fails before hours of work

  const bar =
    host.hasProgress && !values.json ? new ProgressBar(host.stderr, 'scoring') : undefined;
  const started = performance.now();
  let tally: Tally;
  try {
    tally = await scoreWindows(model, tokenized, plan, from, host.signal, async (done) => {
      if (resume !== undefined) await writeState(resume, identity, done);
      bar?.update({ loaded: done.windows, total: all });
    });
  } finally {
    bar?.erase();
  }
  const scoreMilliseconds = performance.now() - started;
  const read = countRead(plan, all) - countRead(plan, from.windows);
  const tokensPerSecond = read > 0 ? (1000 * read) / scoreMilliseconds : null;

  const report = describePerplexity(tally, plan, tokenized.startIds, file.bytes);
  if (values.json) {
    const run = { parseSpecial, resumedWindows: from.windows, loadMilliseconds, scoreMilliseconds };
    const result = { ...report, ...run, tokensPerSecond, model: describeModel(model, path) };
    print(host.stdout, `${JSON.stringify(result)}\n`);
  } else {
    print(host.stdout, renderPerplexity(report, model.info().dtype, tokensPerSecond));
  }
  return EXIT_CODE.ok;
});

async function tokensOf(
  model: Model,
  { text: content }: TextFile,
  parseSpecial: boolean,
  signal: AbortSignal,
): Promise<TokenizedText> {
  const tokenizer = tokenizerOf(model);
  const ids = await tokenize(tokenizer, content, parseSpecial, signal);
  return { startIds: tokenizer.startIds, ids };
}

function planFor(
  { config: { contextLength } }: Model,
  { startIds, ids }: TokenizedText,
  stride = Math.max(1, Math.floor(contextLength / 2)),
): WindowPlan {
  const windowTokens = contextLength - startIds.length;
  const least = startIds.length === 0 ? 2 : 1;
  if (windowTokens < least) {
    const needed = startIds.length + least;
    throw new UsageError(`"--context" expected at least ${needed} tokens, got ${contextLength}`);
  }
  if (stride > windowTokens) {
    throw new UsageError(
      `"--stride" expected an integer in 1..${windowTokens}, the tokens of a window, got ${stride}`,
    );
  }
  return { tokens: ids.length, windowTokens, stride, startTokens: startIds.length };
}

/** What must be the same for a run to go on. */
function identityOf(
  model: Model,
  { hash }: TextFile,
  { startIds, ids }: TokenizedText,
  { stride }: WindowPlan,
  parseSpecial: boolean,
): RunIdentity {
  const { fingerprint, dtype, cacheDtype } = model.info();
  const tokens = createHash('sha256').update(Uint32Array.from(startIds)).update(ids);
  return {
    dtype,
    cacheDtype,
    model: fingerprint, // which the dtype changes, too
    text: hash,
    parseSpecial,
    context: model.config.contextLength,
    stride,
    tokens: tokens.digest('hex'),
  };
}

function tooShort(tokens: number): TpaError {
  const message = `the text has ${tokens} tokens, too few for one to stand before another; pass a longer one`;
  return new TpaError('PROMPT_EMPTY', message, { data: { tokens } });
}
