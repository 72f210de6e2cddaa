import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheNumbersPerToken } from '../../src/attention/spec.ts';
import { createRuntime } from '../../src/index.ts';
import { LARGEST_CODES } from '../../src/layout/cache-dtype.ts';
import { piecesOf } from '../../src/layout/pages.ts';
import { checkCacheOptions, type FactorCacheOptions } from '../../src/ops/cache-options.ts';
import { maxAbsDiff } from '../helpers/checks/close.ts';
import { createRandom, type Random } from '../helpers/checks/random.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { attention, type AttentionResult, groupedAttention } from '../reference/attention.ts';
import { rounded } from '../reference/codes.ts';

/** Of the 140 that were measured; a decode and a block by turns. */
const SEEDS = 24;
const NONE = new Float32Array(0);
/** Queries of a block, which meets the float32 image of a page. */
const BLOCK = 20;
/**
 * Errors of an output, as parts of (1 + max |logit|) · max |V|. Measured at most, 140 seeds and both
 * binaries: 4.1e-8 and 8.5e-6 to the rounded numbers, 7.8e-5 and 2.0e-3 to the numbers appended.
 */
const BLOCK_BOUND = 1e-6;
const DECODE_BOUND = 2e-5;
const BOUNDS = { i16: 2e-4, q8: 5e-3 } as const;

for (const simd of BINARIES) {
  const test = suite(`errors of caches of codes, ${simd}`);
  const runtime = await createRuntime({ simd });

  for (const dtype of ['i16', 'q8'] as const) {
    test(`${dtype}: attention to what is stored, and to what was appended, within bounds`, () => {
      for (let seed = 0; seed < SEEDS; seed++) {
        const { options, numbers, query, count, twin } = draw(seed);
        const spec = checkCacheOptions(options);
        using cache = runtime.createFactorCache({ ...options, dtype });
        cache.append(factorsOf(options, numbers));
        const found = runtime.attend(query, cache);

        const stored = twin(rounded(spec, numbers, LARGEST_CODES[dtype]));
        const bound = count === 1 ? DECODE_BOUND : BLOCK_BOUND;
        const ofStored = relative(found, stored);
        assert.ok(ofStored <= bound, `seed ${seed}: ${ofStored} to the rounded numbers`);
        const ofAll = relative(found, twin(numbers));
        assert.ok(ofAll <= BOUNDS[dtype], `seed ${seed}: ${ofAll} to the numbers appended`);
      }
    });
  }

  test.run();
}

/** A cache and its queries: every third of K/V heads, every fifth with outliers, every seventh sharp. */
function draw(seed: number) {
  const random = createRandom(seed + 1);
  const isDense = seed % 3 === 2;
  const kvHeads = random.integer(1, 4);
  const heads = isDense ? kvHeads * random.integer(1, 4) : random.integer(1, 14);
  const headDim = 4 * random.integer(1, 18);
  const [rankK, rankV] = [random.integer(1, 3), random.integer(1, 3)];
  const rankQ = isDense || seed % 4 === 0 ? 0 : random.integer(1, 8);
  const cached = random.integer(3, 420);
  const count = seed % 2 === 1 ? 1 : Math.min(cached, BLOCK);
  const sizes = { heads, headDim };
  const options: FactorCacheOptions = isDense ? { ...sizes, kvHeads } : { ...sizes, rankK, rankV };
  const width = cacheNumbersPerToken(checkCacheOptions(options));
  const numbers = drawNumbers(random, cached * width, seed);
  const query =
    rankQ === 0
      ? { q: random.normal(count * heads * headDim) }
      : {
          aq: random.normal(count * heads * rankQ),
          bq: random.normal(count * rankQ * headDim),
          rankQ,
        };
  const counts = { tokens: count, cached, heads, headDim, valueDim: headDim };
  const twin = (stored: Float32Array): AttentionResult => {
    const { ak, bk, av, bv } = split(options, stored);
    if (!('q' in query) || !isDense) {
      return attention(query, { ak, bk, av, bv }, { ...counts, rankK, rankV });
    }
    return groupedAttention(query.q, bk, bv, { ...counts, kvHeads });
  };
  return { options, numbers, query, count, twin };
}

function drawNumbers(random: Random, length: number, seed: number): Float32Array {
  const numbers = random.normal(length);
  if (seed % 5 === 4) for (let i = 0; i < length; i += 100) numbers[i]! *= 30;
  if (seed % 7 === 6) for (let i = 0; i < length; i++) numbers[i]! *= 3;
  return numbers;
}

/** Factors, each of all tokens, from numbers (tokens, numbers of a token). */
function split(options: FactorCacheOptions, numbers: Float32Array) {
  const spec = checkCacheOptions(options);
  const width = cacheNumbersPerToken(spec);
  const tokens = numbers.length / width;
  const factors = { ak: NONE, bk: NONE, av: NONE, bv: NONE };
  for (const { factor, from, numbers: size } of piecesOf(spec)) {
    const all = new Float32Array(tokens * size);
    for (let t = 0; t < tokens; t++) {
      all.set(numbers.subarray(t * width + from, t * width + from + size), t * size);
    }
    factors[factor] = all;
  }
  return factors;
}

function factorsOf(options: FactorCacheOptions, numbers: Float32Array) {
  const { ak, bk, av, bv } = split(options, numbers);
  return options.kvHeads === undefined ? { ak, bk, av, bv } : { k: bk, v: bv };
}

function relative(found: Float32Array, { out, maxLogit, maxValue }: AttentionResult): number {
  return maxAbsDiff(found, out) / ((1 + maxLogit) * maxValue);
}
