import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { floats, goldenFiles, integers, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { type Cos, goldenSource, part, PRECISIONS } from '../helpers/models/t6-model.ts';

/**
 * Logits computed with other chunks: other blocks of the online softmax and other row counts of the
 * products. Measured at most 3.0e-6 · (1 + max |logit|) over 11 prompts, 4 models and both binaries.
 */
const CHUNK_RELATIVE = 6e-6;

const GOLDEN = goldenFiles('model_').map((path) => loadGolden(path));
const VARIANTS = Object.keys(PRECISIONS) as Cos[];

for (const simd of BINARIES) {
  const test = suite(`golden models, ${simd}`);

  for (const golden of GOLDEN) {
    const { name, meta, tensors } = golden;
    const [batch] = tensors.get('ids')!.shape as [number];
    const ids = integers(golden, 'ids');

    for (const cos of VARIANTS) {
      const atol = tolerance(golden, `logits_${cos}`);
      const logits = floats(golden, `logits_${cos}`);

      test(`${name} ${cos}: model.logits() within ${atol} at every position`, async () => {
        using model = await loadModel(goldenSource(golden, cos), { simd });
        for (let b = 0; b < batch; b++) {
          const found = await model.logits(part(ids, b, batch));
          assertClose(found, part(logits, b, batch), { atol, what: `row ${b}` });
        }
      });

      test(`${name} ${cos}: session.generate() at temperature 0 gives the greedy tokens`, async () => {
        using model = await loadModel(goldenSource(golden, cos), { simd });
        const greedy = [...integers(golden, `greedy_${cos}`)];
        const prompt = greedy.slice(0, meta.loss![cos]!.greedy_prompt_len);
        const options = { temperature: 0, maxTokens: greedy.length - prompt.length };
        const session = model.createSession();
        const generation = session.generate(prompt, options);
        await generation.text();
        assert.equal([...prompt, ...generation.tokens], greedy);
        assert.equal(session.tokens, greedy);
        assert.is(generation.finishReason, 'length');
      });
    }

    test(`${name}: decode, and prefill cut at random, equal prefill to ${CHUNK_RELATIVE} · (1 + max)`, async () => {
      // 200 tokens: three pages of the cache, and more than one chunk
      using model = await loadModel(goldenSource(golden, 'bf16', { block_size: 200 }), { simd });
      const vocabSize = model.config.vocabSize;
      const random = createRandom(1);
      const prompt = Array.from({ length: 200 }, () => random.integer(0, vocabSize - 1));
      const all = await model.logits(prompt);
      const atol = CHUNK_RELATIVE * (1 + all.reduce((max, x) => Math.max(max, Math.abs(x)), 0));
      const at = (t: number) => all.subarray(t * vocabSize, (t + 1) * vocabSize);

      using stepwise = model.createSession();
      for (const [t, id] of prompt.entries()) {
        assertClose(await stepwise.decode(id), at(t), { atol, what: `decode ${t}` });
      }
      for (let round = 0; round < 8; round++) {
        using session = model.createSession();
        while (session.length < prompt.length) {
          const size = random.integer(1, round % 2 === 0 ? 9 : 100);
          const found = await session.prefill(prompt.slice(session.length, session.length + size));
          assertClose(found, at(session.length - 1), {
            atol,
            what: `${size} to ${session.length}`,
          });
        }
      }
    });
  }

  test.run();
}
