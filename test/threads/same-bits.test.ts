import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertSame } from '../helpers/checks/close.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { evaluateSteps } from '../helpers/threads/every-step.ts';
import { FaultyThreads } from '../helpers/threads/faulty-threads.ts';
import { openThreadedModel } from '../helpers/threads/threaded-model.ts';

/** Threads of the mechanisms that differ in how they are cut, and of the others. */
const MANY = [2, 5, 16];
const FEW = [2, 3];

/** Mechanisms that differ in their rows: quantised weights take the same operations whatever they are. */
const MAIN: ReadonlySet<string> = new Set(['tpa', 'mla', 'gqa', 'linear-tpa']);

/** Of weights and of the cache. */
const DTYPES = [
  ['f32', 'f32'],
  ['q8', 'f32'],
  ['q4', 'f32'],
  ['f32', 'i16'],
  ['q8', 'q8'],
] as const;

for (const simd of BINARIES) {
  const test = suite(`threads, ${simd}`);

  for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
    for (const [dtype, cacheDtype] of DTYPES) {
      const isMain = MAIN.has(name);
      const isPlain = dtype === 'f32' && cacheDtype === 'f32';
      if (!isPlain && !isMain) continue;
      const counts = isMain && isPlain ? MANY : FEW;
      test(`${name}, ${dtype}, cached as ${cacheDtype}: ${counts.join(', ')} threads give the bits of one`, async () => {
        const size = Math.max(...counts);
        const threads = new FaultyThreads();
        const wrap = threads.behind;
        const { source } = build();
        const model = await openThreadedModel(source, { simd, dtype, size, wrap });
        const { backend, pool } = model;
        const alone = await evaluateSteps(backend, cacheDtype);
        threads.plan();
        assert.is(await model.start(threads.start), undefined);
        for (const count of counts) {
          pool.lanes = count;
          assert.is(pool.threads, count);
          const { calls } = threads;
          const together = await evaluateSteps(backend, cacheDtype);
          for (const [i, numbers] of alone.entries()) {
            assertSame(together[i]!, numbers, `step ${i} by ${count}`);
          }
          // a step is 40 operations or more
          assert.ok(threads.calls - calls >= 40, `${threads.calls - calls} ranges by others`);
        }
        backend.dispose();
        assert.is(pool.threads, 1);
      });
    }
  }
  test.run();
}
