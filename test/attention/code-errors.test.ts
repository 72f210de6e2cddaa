import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRuntime, type FactorCacheOptions } from '../../src/index.ts';
import { createRandom } from '../helpers/checks/random.ts';

/** Of the largest output (docs/numerics.md). */
const BOUNDS = { i16: { most: 2e-3, rms: 2e-3 }, q8: { most: 5e-2, rms: 4e-2 } } as const;
/** Of the 120 that the bounds were measured on. */
const SEEDS = 24;

const test = suite('errors of caches of codes');
const runtime = await createRuntime({ simd: 'baseline' });

for (let seed = 0; seed < SEEDS; seed++) {
  const random = createRandom(seed + 1);
  const isDense = seed % 3 === 2;
  const [heads, headDim] = [random.integer(1, 40), 4 * random.integer(1, 24)];
  const [rankK, rankV] = [random.integer(1, 3), random.integer(1, 3)];
  const rankQ = seed % 4 === 0 ? 0 : random.integer(1, 8);
  const tokens = random.integer(20, 900);
  const count = seed % 2 === 1 ? 1 : Math.min(30, tokens);
  const kvHeads = heads % 4 === 0 ? heads / 4 : heads;
  const shape = isDense
    ? `${heads}/${kvHeads} heads`
    : `${heads} heads, ranks ${rankQ}/${rankK}/${rankV}`;

  test(`${shape} ${headDim} wide, ${count} of ${tokens} tokens`, () => {
    const sizes = isDense ? { heads, headDim, kvHeads } : { heads, headDim, rankK, rankV };
    const numbers = (width: number) => random.normal(tokens * width);
    const factors = isDense
      ? { k: numbers(kvHeads * headDim), v: numbers(kvHeads * headDim) }
      : {
          ak: numbers(heads * rankK),
          bk: numbers(rankK * headDim),
          av: numbers(heads * rankV),
          bv: numbers(rankV * headDim),
        };
    const query =
      isDense || rankQ === 0
        ? { q: random.normal(count * heads * headDim) }
        : {
            aq: random.normal(count * heads * rankQ),
            bq: random.normal(count * rankQ * headDim),
            rankQ,
          };
    const attend = (dtype: FactorCacheOptions['dtype']): Float32Array => {
      using cache = runtime.createFactorCache({ ...sizes, dtype } as FactorCacheOptions);
      cache.append(factors);
      return runtime.attend(query, cache);
    };
    const expected = attend('f32');
    const size = Math.max(...expected.map(Math.abs));
    for (const dtype of ['i16', 'q8'] as const) {
      const errors = attend(dtype).map((x, i) => x - expected[i]!);
      const most = Math.max(...errors.map(Math.abs));
      assert.ok(most > 0, 'codes are not float32');
      assert.ok(most <= BOUNDS[dtype].most * size, `${dtype}: ${most} of ${size}`);
      const rms = Math.hypot(...errors) / Math.hypot(...expected);
      assert.ok(rms <= BOUNDS[dtype].rms, `${dtype}: root mean square ${rms}`);
    }
  });
}

test.run();
