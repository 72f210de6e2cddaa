import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import { floats, goldenFiles, integers, loadGolden } from '../helpers/checks/golden.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { goldenSource, part } from '../helpers/models/t6-model.ts';

/** Parts of 1 + max |logit|; measured at most 1.4e-3 and 4.0e-2, 8 models, both tables and binaries. */
const BOUNDS = { i16: 3e-3, q8: 8e-2 } as const;
/** Rounding shows: what stays as near to the golden logits as float32 has not been rounded. */
const LEAST = 1e-5;

for (const simd of BINARIES) {
  const test = suite(`golden models, cache of codes, ${simd}`);

  for (const golden of goldenFiles('model_').map((path) => loadGolden(path))) {
    for (const cacheDtype of ['i16', 'q8'] as const) {
      test(`${golden.name}, ${cacheDtype}: logits in blocks and by steps, and the greedy tokens`, async () => {
        using model = await loadModel(goldenSource(golden, 'exact'), { simd, cacheDtype });
        const [batch] = golden.tensors.get('ids')!.shape as [number];
        const logits = part(floats(golden, 'logits_exact'), 0, batch);
        const ids = part(integers(golden, 'ids'), 0, batch);
        const size = 1 + logits.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
        const atol = BOUNDS[cacheDtype] * size;
        const found = await model.logits(ids);
        assertClose(found, logits, { atol, what: 'a block' });
        assert.ok(maxAbsDiff(found, logits) > LEAST * size, 'is rounded');

        using session = model.createSession();
        const { vocabSize } = model.config;
        for (const [t, id] of ids.entries()) {
          const expected = logits.subarray(t * vocabSize, (t + 1) * vocabSize);
          assertClose(await session.decode(id), expected, { atol, what: `token ${t}` });
        }

        const greedy = [...integers(golden, 'greedy_exact')];
        const prompt = greedy.slice(0, golden.meta.loss!['exact']!.greedy_prompt_len);
        using generating = model.createSession();
        const maxTokens = greedy.length - prompt.length;
        await generating.generate(prompt, { temperature: 0, maxTokens }).text();
        assert.equal(generating.tokens, greedy);
      });
    }
  }

  test.run();
}
