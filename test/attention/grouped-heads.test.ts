import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRuntime, type FactorCache, type FactorCacheOptions } from '../../src/index.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { attentionTolerance, groupedAttention } from '../reference/attention.ts';

/** Two pages and more, the last one part full. */
const TOKENS = 230;

const SHAPES = [
  { heads: 5, kvHeads: 5, headDim: 18, valueDim: 10 },
  { heads: 6, kvHeads: 2, headDim: 64, valueDim: 64 },
  { heads: 7, kvHeads: 1, headDim: 24, valueDim: 13 },
  { heads: 6, kvHeads: 3, headDim: 20, valueDim: 20, window: 50 },
] as const;

for (const simd of BINARIES) {
  const test = suite(`K/V heads through the runtime, ${simd}`);
  const runtime = await createRuntime({ simd });

  for (const shape of SHAPES) {
    const { heads, kvHeads, headDim, valueDim } = shape;
    const name = `${heads} heads on ${kvHeads} of ${headDim} and ${valueDim}`;
    const random = createRandom(heads);
    const q = random.normal(TOKENS * heads * headDim, 2);
    const k = random.normal(TOKENS * kvHeads * headDim);
    const v = random.normal(TOKENS * kvHeads * valueDim);
    const result = groupedAttention(q, k, v, { tokens: TOKENS, ...shape });
    const { out } = result;
    const atol = attentionTolerance(result);

    test(`${name}: all queries at once, and token by token, equal float64 within ${atol.toExponential(1)}`, () => {
      using whole = runtime.createFactorCache(shape);
      whole.append({ k, v });
      assertClose(runtime.attend({ q }, whole), out, { atol, what: 'at once' });
      using stepwise = runtime.createFactorCache(shape);
      for (let t = 0; t < TOKENS; t++) {
        const row = (x: Float32Array) => {
          const width = x.length / TOKENS;
          return x.slice(t * width, (t + 1) * width);
        };
        stepwise.append({ k: row(k), v: row(v) });
        const expected = out.subarray(t * heads * valueDim, (t + 1) * heads * valueDim);
        assertClose(runtime.attend({ q: row(q) }, stepwise), expected, {
          atol,
          what: `token ${t}`,
        });
      }
    });

    test(`${name}: caches 2 · kvHeads · headDim numbers a token and keeps them over fork and truncate`, () => {
      using cache = runtime.createFactorCache(shape);
      cache.append({ k, v });
      const numbers = kvHeads * (headDim + valueDim);
      assert.is(runtime.cacheNumbersPerToken(shape), numbers);
      const pages = Math.ceil(TOKENS / 96);
      const padded = kvHeads * (headDim + Math.ceil(valueDim / 4) * 4);
      assert.is(cache.byteLength, pages * 96 * padded * 4);
      const before = runtime.attend({ q }, cache);
      using fork = cache.fork();
      fork.truncate(100);
      fork.append({ k: k.slice(0, kvHeads * headDim), v: v.slice(0, kvHeads * valueDim) });
      assert.equal(runtime.attend({ q }, cache), before);
    });
  }

  test('wrong sizes and arrays are named, and append nothing', () => {
    const good: FactorCacheOptions = { heads: 6, headDim: 4, kvHeads: 2 };
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ kvHeads: 0 }, /"kvHeads" expected an integer in 1\.\.6, got 0/],
      [{ kvHeads: 7 }, /"kvHeads"/],
      [{ kvHeads: 4 }, /"kvHeads" expected a divisor of 6 heads, got 4/],
      [{ kvHeads: '2' }, /"kvHeads" expected an integer in 1\.\.6, got string/],
      [{ rankK: 2 }, /"rankK" expected to be absent with "kvHeads"/],
      [{ rankV: 2 }, /"rankV" expected to be absent with "kvHeads"/],
      [{ window: 0 }, /"window"/],
      [{ window: 1.5 }, /"window"/],
      [{ kvHeads: undefined, rankK: 1, rankV: 1, window: 9 }, /"window" expected to be absent/],
    ];
    for (const [changes, message] of wrong) {
      const options = { ...good, ...changes } as FactorCacheOptions;
      assert.throws(() => runtime.createFactorCache(options), message);
    }
    using cache = runtime.createFactorCache(good);
    const k = new Float32Array(8);
    const calls: [Parameters<FactorCache['append']>[0], RegExp][] = [
      [{ k: k.slice(1), v: k }, /"k" expected a positive multiple of 8 numbers, got 7/],
      [{ k, v: k.slice(1) }, /"v" expected 8 numbers, got 7/],
      [{ k, v: k.map(() => NaN) }, /"v" expected finite numbers/],
      [{ ak: k, bk: k, av: k, bv: k }, /"k" expected a Float32Array, got undefined/],
    ];
    for (const [factors, message] of calls) {
      assert.throws(() => cache.append(factors), message);
      assert.is(cache.length, 0);
    }
    cache.append({ k, v: k });
    const factored = { aq: new Float32Array(6), bq: new Float32Array(4), rankQ: 1 };
    assert.throws(
      () => runtime.attend(factored, cache),
      /"q" expected the queries of a cache with kvHeads/,
    );
  });

  test.run();
}

const numbers = suite('cacheNumbersPerToken() of every mechanism');
const runtime = await createRuntime({ simd: 'baseline' });

numbers('gives the numbers of the paper, Table 1 and Section 3', () => {
  const [heads, headDim, valueDim] = [32, 64, 64];
  const tpa = { heads, headDim, valueDim, rankK: 2, rankV: 2 } as const;
  const dense = (kvHeads: number) =>
    ({ ...tpa, rankK: kvHeads, rankV: kvHeads, headFactors: 'groups' }) as const;
  const latent = {
    ...dense(1),
    headDim: 512 + 32,
    valueDim: 512,
    featureFactors: 'latent',
  } as const;
  for (const [name, spec, expected] of [
    ['TPA', tpa, 4 * (32 + 64)],
    ['TPA without valueDim', { heads, headDim, rankK: 2, rankV: 2 }, 4 * (32 + 64)],
    ['MHA', dense(32), 2 * 32 * 64],
    ['MHA by kvHeads', { heads, headDim, kvHeads: 32 }, 2 * 32 * 64],
    ['GQA', dense(4), 2 * 4 * 64],
    ['MQA', dense(1), 2 * 64],
    ['MLA', latent, 512 + 32],
    ['non-contextual A', { ...tpa, headFactors: 'fixed' }, 4 * 64],
    ['non-contextual B', { ...tpa, featureFactors: 'fixed' }, 4 * 32],
    ['shared B', { ...tpa, featureFactors: 'shared' }, 4 * 32 + 2 * 64],
    ['third order', { ...tpa, featureFactors: 'outer', outerDim: 4 }, 4 * (32 + 16 + 4)],
    ['linear', { ...tpa, score: 'linear' }, 0],
  ] as const) {
    assert.is(runtime.cacheNumbersPerToken(spec), expected, name);
  }
  assert.throws(
    () => runtime.cacheNumbersPerToken({ heads: 0, headDim: 4, rankK: 1, rankV: 1 }),
    /"heads"/,
  );
});

numbers('refuses fields of a spec that are odd or do not fit each other, by name', () => {
  const sizes = { heads: 6, headDim: 8, valueDim: 8, rankK: 2, rankV: 2 };
  const groups = { ...sizes, headFactors: 'groups' };
  const latent = { ...groups, rankK: 1, rankV: 1, featureFactors: 'latent' };
  const outer = { ...sizes, featureFactors: 'outer', outerDim: 4 };
  const shared = { ...sizes, featureFactors: 'shared' };
  const wrong: [object, RegExp][] = [
    [
      { ...groups, headFactors: 'grouped' },
      /"headFactors" expected "contextual", "fixed" or "groups", got "grouped"/,
    ],
    [{ ...sizes, headFactors: null }, /"headFactors" expected .*, got null/],
    [
      { ...sizes, featureFactors: 'low-rank' },
      /"featureFactors" expected "contextual", .* or "latent", got "low-rank"/,
    ],
    [{ ...sizes, score: 'cosine' }, /"score" expected "softmax" or "linear", got "cosine"/],
    [{ ...groups, heads: NaN }, /"heads" expected an integer in 1\.\.1024, got NaN/],
    [{ ...groups, headDim: 2.5 }, /"headDim" expected an integer/],
    [{ ...groups, valueDim: undefined }, /"valueDim" expected an integer .*, got undefined/],
    [{ ...groups, rankK: 4, rankV: 4 }, /"rankK" expected a divisor of 6 heads, got 4/],
    [{ ...groups, rankV: 3 }, /"rankV" expected the 2 of rankK, got 3/],
    [{ ...groups, featureFactors: 'fixed' }, /"featureFactors" expected "contextual" or "latent"/],
    [{ ...groups, kvHeads: 2 }, /"kvHeads" is not a field of an attention, /],
    [{ ...latent, headFactors: 'contextual' }, /"featureFactors" expected "latent" with/],
    [{ ...latent, rankK: 2, rankV: 2 }, /"rankK" expected 1 with "latent", got 2/],
    [{ ...latent, valueDim: 9 }, /"valueDim" expected at most the headDim 8, got 9/],
    [{ ...outer, outerDim: undefined }, /"outerDim" expected an integer in 1\.\.8, got undefined/],
    [{ ...outer, outerDim: 3 }, /"outerDim" expected a divisor of headDim and valueDim, got 3/],
    [{ ...outer, valueDim: 6 }, /"outerDim" expected a divisor of headDim and valueDim, got 4/],
    [{ ...shared, valueDim: 4 }, /"valueDim" expected the 8 of headDim, got 4/],
    [{ ...shared, rankV: 1 }, /"rankV" expected the 2 of rankK, got 1/],
    [{ ...sizes, score: 'softmax', window: 4 }, /"window" expected none without/],
    [{ ...groups, window: 0 }, /"window" expected an integer >= 1, got 0/],
  ];
  for (const [spec, message] of wrong) {
    assert.throws(() => runtime.cacheNumbersPerToken(spec as FactorCacheOptions), message);
  }
});

numbers('a cache of another mechanism is refused rather than made of factors', () => {
  using heads = runtime.createFactorCache({ heads: 6, headDim: 8, kvHeads: 2 });
  const { used } = runtime.memory();
  for (const spec of [heads.spec, { heads: 6, headDim: 8, rankK: 1, rankV: 1, score: 'linear' }]) {
    assert.throws(
      () => runtime.createFactorCache(spec),
      /"(headFactors|score)" expected to be absent/,
    );
  }
  assert.is(runtime.memory().used, used);
});

numbers.run();
