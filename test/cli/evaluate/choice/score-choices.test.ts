import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accuracy,
  likeliest,
  type ScoredQuestion,
} from '../../../../src/cli/evaluate/choice/accuracy.ts';
import { askQuestions } from '../../../../src/cli/evaluate/choice/ask.ts';
import { Examples } from '../../../../src/cli/evaluate/choice/examples.ts';
import { readQuestions, SkippedLines } from '../../../../src/cli/evaluate/choice/question-file.ts';
import type { Outcome } from '../../../../src/cli/evaluate/choice/result-file.ts';
import { loadModel, type LoadOptions, type Model, type ModelBytes } from '../../../../src/index.ts';
import { assertClose } from '../../../helpers/checks/close.ts';
import { BINARIES } from '../../../helpers/kernels/binaries.ts';
import { lettersJson } from '../../../helpers/files/tokenizer-json.ts';
import { LLAMA_VARIANTS } from '../../../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../../../helpers/models/mechanism-model.ts';
import { llamaLogits } from '../../../reference/llama.ts';
import { logProbabilities } from '../../../reference/log-probabilities.ts';
import { mechanismLogits } from '../../../reference/mechanisms.ts';

/**
 * Contexts of one step, of two and of more than a page of the cache; two that begin alike beyond a
 * step; choices of one token and of many, of which one begins another.
 */
const TALE = 'once upon a time there was a king who had a cow. '.repeat(2);
const FILE = [
  { context: 'Q: is a cow a cat?\nA:', choices: ['no', 'yes'], answer: 0 },
  { context: `${TALE}the cow`, choices: ['ran', 'ran away to the sea', 'b'], answer: 1 },
  { context: `${TALE}the king  `, choices: ['sat', 'sat', 'a cold day'], answer: 2 },
  { context: TALE.repeat(2), choices: ['a', 'b', 'c'], answer: 2, delimiter: '' },
]
  .map((row) => JSON.stringify(row))
  .join('\n');
/** Characters of context and choice apart, white space before the choice with the choice. */
const PAIRS = [
  ['Q: is a cow a cat?\nA:', [' no', ' yes']],
  [`${TALE}the cow`, [' ran', ' ran away to the sea', ' b']],
  [`${TALE}the king`, ['   sat', '   sat', '   a cold day']],
  [TALE.repeat(2).trimEnd(), [' a', ' b', ' c']],
] as const;

const LLAMA_NAMES = new Set(['llama-untied', 'qwen2-window', 'qwen3']);

/** What `tpa eval choice` makes of the file. */
async function ask(model: Model): Promise<readonly ScoredQuestion[]> {
  const source = await readQuestions(FILE, 'file', new SkippedLines('file', false));
  const outcomes: Outcome[] = [];
  const examples = new Examples(source, { shots: 0, seed: 0 });
  const { signal } = new AbortController();
  await askQuestions(model, source.questions, examples, signal, async (outcome) => {
    outcomes.push(outcome);
  });
  return outcomes as ScoredQuestion[];
}

/** Sums of the log-softmax of logits (ids.length, vocab), each pair computed from its beginning. */
async function byHand(
  { tokenizer, config }: Model,
  logitsOf: (ids: readonly number[]) => ArrayLike<number> | Promise<ArrayLike<number>>,
  count: number = PAIRS.length,
): Promise<number[][]> {
  const sums: number[][] = [];
  for (const [context, texts] of PAIRS.slice(0, count)) {
    const of: number[] = [];
    for (const text of texts) {
      const ids = tokenizer!.encode(context + text);
      const first = tokenizer!.encode(context).length;
      const logits = Float64Array.from(await logitsOf(ids));
      const rows = logits.subarray((first - 1) * config.vocabSize);
      const scores = logProbabilities(rows, ids.slice(first), config.vocabSize);
      of.push(scores.reduce((sum, score) => sum + score, 0));
    }
    sums.push(of);
  }
  return sums;
}

async function open(source: ModelBytes, options: LoadOptions): Promise<Model> {
  return loadModel({ ...source, tokenizer: lettersJson() }, options);
}

/** Every mechanism, and every kind of LLaMA that caches something else. */
const VARIANTS = [
  ...MECHANISM_VARIANTS.map((variant) => ({ ...variant, truth: mechanismLogits })),
  ...LLAMA_VARIANTS.filter(({ name }) => LLAMA_NAMES.has(name)).map((variant) => ({
    ...variant,
    truth: llamaLogits,
  })),
];
const STORED = ['F32', 'F16', 'BF16'] as const;

for (const [which, simd] of BINARIES.entries()) {
  const test = suite(`scores of choices, ${simd}`);
  for (const [index, { name, config, build, truth }] of VARIANTS.entries()) {
    const stored = STORED[(index + which) % STORED.length]!;
    test(`${name}, ${stored}: log-softmax sums of float64 logits`, async () => {
      const { source, tensors } = build({ dtype: stored });
      using model = await open(source, { simd });
      const found = await ask(model);
      const expected = await byHand(model, (ids) => truth(config, tensors, ids), 2);
      for (const [i, sums] of expected.entries()) {
        assertClose(found[i]!.loglikelihoods, sums, { atol: 1e-3, what: `question ${i}` });
      }
    });
    for (const [turn, dtype] of (['f32', 'q8', 'q4'] as const).entries()) {
      if ((index + turn + which) % BINARIES.length > 0) continue; // the other binary's turn
      test(`${name}, ${dtype}: log-softmax sums of model.logits()`, async () => {
        using model = await open(build().source, { simd, dtype });
        assert.is(model.info().dtype, dtype);
        const found = await ask(model);
        const expected = await byHand(model, (ids) => model.logits(ids));
        for (const [i, { loglikelihoods, bytes, answer }] of found.entries()) {
          assertClose(loglikelihoods, expected[i]!, { atol: 1e-3, what: `question ${i}` });
          assert.is(bytes.length, loglikelihoods.length);
          assert.is(answer, [0, 1, 2, 2][i]);
        }
        const best = expected.map((sums) => sums.indexOf(Math.max(...sums)));
        const hits = best.filter((choice, i) => choice === found[i]!.answer).length;
        assert.is(accuracy(found, likeliest).mean, hits / 4);
      });
    }
  }
  test.run();
}
