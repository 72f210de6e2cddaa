import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CpuBackend } from '../../src/backend/cpu.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { openThreadedModel } from '../helpers/threads/threaded-model.ts';

/** Two blocks of queries, a page's border within one, and tokens by themselves. */
const STEPS = [48, 48, 7, 1, 1];
const MOST = 16;
const THREADS = [2, 3, 5, 8, MOST];

for (const simd of BINARIES) {
  const test = suite(`threads, ${simd}`);

  for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
    for (const dtype of ['f32', 'q8', 'q4'] as const) {
      if (!isCompared(name, dtype)) continue;
      test(`${name}, ${dtype}: 2 to ${MOST} threads give the bits of one`, async () => {
        const { backend, pool, start } = await openThreadedModel(build().source, {
          simd,
          dtype,
          size: MOST,
        });
        const alone = await evaluate(backend);
        assert.is(await start(), undefined);
        for (const threads of THREADS) {
          pool.lanes = threads;
          assert.is(pool.threads, threads);
          const together = await evaluate(backend);
          for (const [i, numbers] of alone.entries()) {
            assertSame(together[i]!, numbers, `step ${i} by ${threads}`);
          }
        }
        backend.dispose();
        assert.is(pool.threads, 1);
      });
    }
  }
  test.run();
}

/** Quantised weights take the same operations whatever the mechanism: those that differ in rows. */
function isCompared(name: string, dtype: string): boolean {
  return dtype === 'f32' || ['tpa', 'mla', 'gqa', 'linear-tpa'].includes(name);
}

/** Logits of every token of every step, and what each token is scored. */
async function evaluate(backend: CpuBackend): Promise<Float32Array[]> {
  const random = createRandom(17);
  const sequence = backend.createSequence();
  const numbers: Float32Array[] = [];
  for (const count of STEPS) {
    const ids = Array.from({ length: count }, () => random.integer(0, 60));
    numbers.push(await sequence.forward(ids, 'all'));
    numbers.push(await sequence.score(ids, ids));
  }
  sequence.dispose();
  return numbers;
}
