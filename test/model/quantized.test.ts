import { suite } from 'uvu';
import { CpuBackend } from '../../src/backend/cpu.ts';
import { LocalHost } from '../../src/load/local-host.ts';
import { Model } from '../../src/load/model.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';
import { widened } from '../helpers/checks/widened.ts';

const VARIANTS = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];

/**
 * Activations of 16 bits against float32 ones: logits within this times 1 + max |logit|. Measured at
 * most 7e-4 (tpa-partial at 4 bits), half of them below 1.7e-4.
 */
const RELATIVE = 2e-3;
/** More than a page of the cache, and blocks of queries that are not whole. */
const TOKENS = 101;
/** One of every kind of product, and tokens that all of them have. */
const CUT = new Set(['tpa', 'tpa-third-order', 'mla', 'linear-gqa', 'llama-mlp-bias']);
const IDS = Array.from({ length: 50 }, (_, i) => (i * 37 + 5) % 61);

for (const simd of BINARIES) {
  const test = suite(`quantised models, ${simd}`);
  for (const { name, config, build } of VARIANTS) {
    for (const dtype of ['q8', 'q4'] as const) {
      test(`${name}, ${dtype}: logits of float32 with the same numbers, prefill and decode`, async () => {
        const { source } = build();
        const { backend, model } = await openCpuModel(source, { simd, dtype });
        const { compute, config: parsed, weights } = backend.network;
        const wide = new CpuBackend(compute, parsed, widened(compute, weights));
        const { vocab_size: vocabSize } = config as { vocab_size: number };
        const random = createRandom(name.length);
        const ids = Array.from({ length: TOKENS }, () => random.integer(0, vocabSize - 1));
        const expected = await new Model(new LocalHost(wide, parsed), parsed).logits(ids);
        const scale = 1 + expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
        const atol = RELATIVE * scale;
        assertClose(await model.logits(ids), expected, { atol, what: 'prefill' });
        using session = model.createSession();
        for (const [t, id] of ids.entries()) {
          const row = expected.subarray(t * vocabSize, (t + 1) * vocabSize);
          assertClose(await session.decode(id), row, { atol, what: `decode ${t}` });
        }
      });
    }
  }

  test(`products in short and shortest ranges give the bits of one`, async () => {
    for (const { name, build } of VARIANTS) {
      if (!CUT.has(name)) continue;
      for (const dtype of ['q8', 'q4'] as const) {
        const logitsIn = async (rangeCost: number) => {
          const how = [{ simd, dtype }, undefined, { rangeCost }] as const;
          return (await openCpuModel(build().source, ...how)).model.logits(IDS);
        };
        const whole = await logitsIn(Infinity);
        for (const cost of [1 << 14, 1]) {
          assertSame(await logitsIn(cost), whole, `${name} ${dtype} in ranges of ${cost}`);
        }
      }
    }
  });
  test.run();
}
