import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scoreChoices } from '../../../../src/cli/evaluate/choice/score-choices.ts';
import { assertClose } from '../../../helpers/checks/close.ts';
import { createRandom } from '../../../helpers/checks/random.ts';
import { outcomeOf } from '../../../helpers/checks/refused.ts';
import { mechanismVariant } from '../../../helpers/models/mechanism-model.ts';
import { livelyT6, openCpuModel } from '../../../helpers/models/t6-model.ts';
import { logProbabilities } from '../../../reference/log-probabilities.ts';

const CONTEXT = 250;
const random = createRandom(15);
const some = (count: number) => Uint32Array.from({ length: count }, () => random.integer(0, 60));
const long = some(300);
const ENDINGS = [some(1), some(3), some(60)];

/** Choices after the first tokens of one text, and after another. */
const after = (context: Uint32Array) => ENDINGS.map((continuation) => ({ context, continuation }));

/** A model that counts the tokens that it evaluates. */
async function open(source = livelyT6(CONTEXT).source) {
  const counter = { tokens: 0 };
  const { model } = await openCpuModel(source, { simd: 'baseline' }, (kernels) => ({
    ...kernels,
    embed: (...args) => {
      counter.tokens += args[3];
      kernels.embed(...args);
    },
  }));
  return { model, counter };
}

/** A choice of so many tokens. */
const choice = (count: number) => [{ context: long, continuation: long.subarray(0, count) }];

const test = suite('choices of one context');

test('a context is evaluated once, a choice without its last token; the next goes on from a whole step', async () => {
  const { model, counter } = await open();
  using session = model.createSession();
  await scoreChoices(session, after(long.subarray(0, 130)), CONTEXT);
  assert.is(counter.tokens, 129 + 1 + 3 + 60);
  counter.tokens = 0;
  await scoreChoices(session, after(long.subarray(0, 160)), CONTEXT);
  assert.is(counter.tokens, 159 - 96 + 1 + 3 + 60);
  counter.tokens = 0;
  await scoreChoices(session, after(long.subarray(0, 160)), CONTEXT);
  assert.is(counter.tokens, 1 + 3 + 60);
  counter.tokens = 0;
  await scoreChoices(session, after(long.subarray(0, 97)), CONTEXT);
  assert.is(counter.tokens, 1 + 3 + 60);
});

for (const name of ['tpa', 'linear-tpa', 'mla', 'tpa-shared-b']) {
  test(`${name}: the same bits whatever was asked before`, async () => {
    const { model } = await open(mechanismVariant(name).build().source);
    const lengths = [130, 160, 97, 160, 50, 1, 190];
    using session = model.createSession();
    for (const length of lengths) {
      const choices = after(long.subarray(0, length));
      const found = await scoreChoices(session, choices, CONTEXT);
      using fresh = model.createSession();
      assert.equal(found, await scoreChoices(fresh, choices, CONTEXT), `${length} tokens`);
    }
  });
}

test('too long a context loses its beginning: as many tokens as fit and the last one are kept', async () => {
  const { model } = await open();
  const { vocabSize } = model.config;
  using session = model.createSession();
  for (const [length, isTruncated] of [
    [191, false], // 191 + 60 is one more than the context, and the last is not evaluated
    [192, true],
    [300, true],
  ] as const) {
    const context = long.subarray(0, length);
    const found = await scoreChoices(session, after(context), CONTEXT);
    assert.is(found.isTruncated, isTruncated);
    for (const [i, ending] of ENDINGS.entries()) {
      const kept = [...context, ...ending].slice(-CONTEXT - 1);
      const logits = await model.logits(kept.slice(0, -1));
      const rows = logits.subarray(logits.length - ending.length * vocabSize);
      const sum = logProbabilities(rows, ending, vocabSize).reduce((a, b) => a + b, 0);
      assertClose([found.loglikelihoods[i]!], [sum], { atol: 1e-4, what: `${length}, ${i}` });
    }
  }
});

test('a choice as long as the context is no choice; one token less is', async () => {
  const { model } = await open();
  using session = model.createSession();
  await scoreChoices(session, choice(CONTEXT - 1), CONTEXT);
  const error = (await outcomeOf(() => scoreChoices(session, choice(CONTEXT), CONTEXT))) as Error;
  assert.is(error.name, 'BadQuestion');
  assert.is(error.message, 'choice 1 has 250 tokens, the context takes 249 at most');
});

test.run();
