import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AttentionSpec } from '../../src/attention/spec.ts';
import { storedNumbers } from '../../src/attention/spec.ts';
import { PagedCache } from '../../src/cache/pages.ts';
import { attend, attendScratch } from '../../src/compute/attend.ts';
import { Compute } from '../../src/compute/compute.ts';
import { createEngine, type Engine } from '../../src/wasm/engine.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { watchRegions } from '../helpers/kernels/red-zones.ts';

const test = suite('attend()');

/** 14 pages, which a decode goes over in 4 spans; a window of 700 tokens in 2. */
const TOKENS = 1300;
const RANK_Q = 3;

const SIZES = { heads: 6, headDim: 20, valueDim: 12 };
const SPECS: Readonly<Record<string, AttentionSpec>> = {
  TPA: { ...SIZES, rankK: 2, rankV: 2 },
  MHA: { ...SIZES, rankK: 6, rankV: 6, headFactors: 'groups' },
  GQA: { ...SIZES, rankK: 2, rankV: 2, headFactors: 'groups' },
  'MQA with a window': { ...SIZES, rankK: 1, rankV: 1, headFactors: 'groups', window: 700 },
  MLA: { ...SIZES, rankK: 1, rankV: 1, headFactors: 'groups', featureFactors: 'latent' },
};

for (const simd of BINARIES) {
  for (const [name, spec] of Object.entries(SPECS)) {
    test(`${name}: a decode in spans and a block give the same bits in any ranges, ${simd}`, async () => {
      const engine = await createEngine({ simd });
      const assertZones = watchRegions(engine);
      const cache = filled(engine, spec);
      const { heap } = engine;
      const rankQ = spec.headFactors === 'groups' ? 0 : RANK_Q;
      const [a, b] = [spec.heads * (rankQ || spec.headDim), rankQ * spec.headDim];
      const rows = {
        aq: placed(engine, createRandom(1).normal(48 * a)),
        aqStride: a,
        bq: placed(engine, createRandom(2).normal(48 * b)),
        bqStride: b,
        rankQ,
      };
      for (const count of [1, 48]) {
        const numbers = count * spec.heads * spec.valueDim;
        const out = heap.allocate(numbers * 4);
        const run = async (rangeCost: number) => {
          const compute = new Compute(engine, { rangeCost });
          const release = compute.takeScratch(attendScratch(compute, cache, rankQ, count));
          heap.floats(out, numbers).fill(NaN);
          await compute.evaluate(() => attend(compute, out, rows, cache, count, TOKENS - count));
          release();
          assertZones();
          return heap.floats(out, numbers).slice();
        };
        const whole = await run(Infinity);
        assert.ok(whole.every(Number.isFinite));
        for (const cost of [1 << 20, 1 << 18, 1 << 16, 1]) {
          assertSame(await run(cost), whole, `${count} queries in ranges of ${cost}`);
        }
      }
    });
  }
}

test.run();

function filled(engine: Engine, spec: AttentionSpec): PagedCache {
  const cache = new PagedCache(new Compute(engine), spec);
  const { keyRows, headRows, valueRows } = storedNumbers(spec);
  const { rankK, rankV } = spec;
  const [akStride, bkStride] = [rankK * headRows, rankK * keyRows];
  const [avStride, bvStride] = [rankV * headRows, rankV * valueRows];
  const random = createRandom(3);
  const place = (width: number) => placed(engine, random.normal(TOKENS * width));
  cache.reserve(TOKENS);
  cache.write(TOKENS, {
    ak: place(akStride),
    akStride,
    bk: place(bkStride),
    bkStride,
    av: place(avStride),
    avStride,
    bv: place(bvStride),
    bvStride,
  });
  cache.commit(TOKENS);
  return cache;
}

function placed({ heap }: Engine, x: Float32Array): number {
  const at = heap.allocate(Math.max(16, x.byteLength));
  heap.floats(at, x.length).set(x);
  return at;
}
