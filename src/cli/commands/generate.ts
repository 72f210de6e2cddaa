import type { Generation, Session } from '../../index.ts';
import { command } from '../arguments.ts';
import { EXIT_CODE } from '../exit.ts';
import { describeModel } from '../report/model-report.ts';
import { MODEL_OPTIONS, openModel } from '../open-model.ts';
import { readPrompt } from '../terminal/input.ts';
import { SAMPLING_NOTE, SAMPLING_OPTIONS, samplingOf, startGeneration } from '../sampling.ts';
import { renderStatistics, Stopwatch, type Statistics } from '../report/statistics.ts';
import { print, Transcript } from '../terminal/output.ts';

const SPEC = {
  name: 'generate',
  about: 'Continue a text: the continuation goes to stdout as it comes, statistics to stderr.',
  operand: {
    placeholder: 'PROMPT',
    about: 'text to continue, in quotes; - reads it from stdin',
    cure: 'put the text in quotes',
  },
  options: { ...MODEL_OPTIONS, ...SAMPLING_OPTIONS },
  notes: [
    'On a terminal the prompt is shown before its continuation, and control characters are left out.\n' +
      'Otherwise stdout is the continuation alone, ended by a line break; --json gives it unchanged.',
    'Read from stdin, a prompt loses one final line break. Before one that begins with -, write --.',
    SAMPLING_NOTE,
  ],
};

/** `tpa generate`. */
export const generateCommand = command(SPEC, async ({ values, operand }, host) => {
  const prompt = operand === '-' ? await readPrompt(host.openStdin()) : operand;
  const { path, loadMilliseconds, ...opened } = await openModel(values, host);
  using model = opened.model;
  using session = model.createSession();
  const options = { ...samplingOf(values), signal: host.signal };
  const generation = startGeneration(session, prompt, options);

  const stopwatch = new Stopwatch();
  const transcript = values.json ? undefined : new Transcript(host.stdout);
  if (host.stdout.isTTY) transcript?.add(prompt);
  let text = '';
  try {
    for await (const token of generation) {
      stopwatch.lap();
      text += token.text;
      transcript?.add(token.text);
    }
  } finally {
    transcript?.end();
  }

  const statistics = summarize(session, generation, stopwatch);
  if (values.json) {
    const { tokens: ids } = generation;
    const report = describeModel(model, path);
    const result = { text, ids, ...statistics, loadMilliseconds, model: report };
    print(host.stdout, `${JSON.stringify(result)}\n`);
  } else {
    print(host.stderr, renderStatistics(statistics));
  }
  return statistics.finishReason === 'abort' ? EXIT_CODE.interrupted : EXIT_CODE.ok;
});

function summarize(session: Session, generation: Generation, stopwatch: Stopwatch): Statistics {
  const generatedTokens = generation.tokens.length;
  return {
    promptTokens: session.length - generatedTokens,
    generatedTokens,
    finishReason: generation.finishReason!,
    seed: generation.seed,
    cacheBytes: session.byteLength,
    firstTokenMilliseconds: stopwatch.firstTokenMilliseconds,
    tokensPerSecond: stopwatch.tokensPerSecond,
  };
}
