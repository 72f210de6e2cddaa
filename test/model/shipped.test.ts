import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model } from '../../src/index.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { logProbabilities, perplexity } from '../reference/log-probabilities.ts';
import { floats, integers, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import { SHIPPED_MODEL } from '../../src/cli/package-files.ts';
import { SEEDED, SEEDED_TEXT } from '../runtimes/recorded.ts';

const golden = loadGolden('shipped_t6');
const expected = floats(golden, 'logits');
const atol = tolerance(golden, 'logits');

for (const simd of BINARIES) {
  const test = suite<{ model: Model }>(`the shipped model, ${simd}`);

  test.before(async (context) => {
    context.model = await loadModel(SHIPPED_MODEL, { simd });
  });
  test.after(({ model }) => model.dispose());

  test(`the last 40 of 200 positions within ${atol}`, async ({ model }) => {
    const logits = await model.logits(integers(golden, 'ids'));
    assert.is(logits.length, 200 * model.config.vocabSize);
    assertClose(logits.subarray(-expected.length), expected, { atol, what: 'logits' });
  });

  test('the perplexity of the last 39 of 200 tokens within 0.01 % of float64', async ({
    model,
  }) => {
    const ids = integers(golden, 'ids');
    const { vocabSize } = model.config;
    const rows = expected.subarray(0, expected.length - vocabSize);
    const truth = logProbabilities(rows, ids.subarray(-39), vocabSize);
    const scores = (await model.score(ids)).subarray(-39);
    assertClose(scores, truth, { atol: 2 * atol, what: 'scores' });
    const off = perplexity(scores) / perplexity(truth) - 1;
    assert.ok(Math.abs(off) <= 1e-4, `off by ${off}`);
  });

  test('as float32 it has the perplexity of its codes, in 4 bits at most 1.1 times that', async ({
    model,
  }) => {
    assert.is(model.info().dtype, 'q8');
    const ids = integers(golden, 'ids');
    const truth = perplexity(await model.score(ids));
    for (const [dtype, limit] of [
      ['f32', 1.00001],
      ['q4', 1.1],
    ] as const) {
      using other = await loadModel(SHIPPED_MODEL, { simd, dtype });
      assert.is(other.info().dtype, dtype);
      const times = perplexity(await other.score(ids)) / truth;
      assert.ok(times > 1 / limit && times !== 1 && times <= limit, `${dtype}: ${times} times`);
    }
  });

  test('a request in its own chat template, BOS once', async ({ model }) => {
    assert.ok(model.hasChatTemplate);
    using session = model.createSession();
    const messages = [{ role: 'user', content: 'Tell me a story about a red ball.' }];
    await session.generate(messages, { temperature: 0, maxTokens: 1 }).text();
    const prompt = session.tokens.slice(0, -1);
    assert.is(model.tokenizer!.decode(prompt), '<s> Tell me a story about a red ball.\n');
    assert.is(prompt.filter((id) => id === 1).length, 1);
    assert.equal(model.config.eosTokenIds, [2]);
  });

  test('greedy continuation of 48 tokens, token for token, and its text', async ({ model }) => {
    const greedy = [...integers(golden, 'greedy')];
    const promptLength = golden.meta.greedy_prompt_len!;
    using session = model.createSession();
    const generation = session.generate(greedy.slice(0, promptLength), {
      temperature: 0,
      maxTokens: 48,
    });
    const text = await generation.text();
    assert.equal(generation.tokens, greedy.slice(promptLength));
    assert.is(generation.tokens.length, 48);
    const written = (ids: number[]) => model.tokenizer!.decode(ids, { skipSpecial: true });
    assert.is(written(greedy.slice(0, promptLength)) + text, written(greedy));
  });

  if (simd === 'baseline') {
    test('a seed gives the same text for ever', async ({ model }) => {
      using session = model.createSession();
      assert.is(await session.generate(SEEDED.prompt, SEEDED.options).text(), SEEDED_TEXT);
    });
  }

  test('info() and memory() tell sizes and the binary', ({ model }) => {
    const { parameters, cacheBytesPerToken, denseCacheBytesPerToken, ...info } = model.info();
    assert.is(info.simd, simd);
    assert.is(info.simdReason, 'asked for');
    assert.equal(info.ignoredTensors, []);
    const layer = 192 * (8 * (4 + 2 + 2) + 32 * (4 + 2 + 2) + 8 * 32 + 3 * 512);
    assert.is(parameters, 512 * 192 + 6 * layer);
    assert.is(cacheBytesPerToken, 6 * (2 + 2) * (8 + 32) * 4);
    assert.is(denseCacheBytesPerToken, 6 * 2 * 8 * 32 * 4);
    const { used, size, limit } = model.memory();
    assert.ok(used <= size && size <= limit, `${used} of ${size}`);
    const codes = 1.0625 * parameters;
    assert.ok(used > codes && used < 1.5 * codes, `${used} used`);
  });

  test.run();
}
