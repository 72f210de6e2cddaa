import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AttentionSpec, cacheNumbersPerToken } from '../../src/attention/spec.ts';
import { PagedCache } from '../../src/cache/pages.ts';
import { attend, attendScratch } from '../../src/compute/attend.ts';
import type { Compute } from '../../src/compute/compute.ts';
import { attentionSpec } from '../../src/format/config/attention-spec.ts';
import { LARGEST_CODES } from '../../src/layout/cache-dtype.ts';
import { bytesOf } from '../../src/layout/numbers.ts';
import { rowsAt } from '../../src/layout/pages.ts';
import type { FixedFactors } from '../../src/layout/records.ts';
import { fixedFactors } from '../../src/model/workspace.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';
import { rounded } from '../reference/codes.ts';

/** Two pages, and a third that ends with an odd token. */
const TOKENS = 203;
/** Queries of a block, which meets the float32 image of a page. */
const BLOCK = 24;
/** What a decode may differ by from float32 attention to the rounded numbers, of the largest output. */
const DECODE_BOUND = { i16: 1e-3, q8: 6e-4 } as const;

const test = suite('caches of codes');

for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  for (const dtype of ['i16', 'q8'] as const) {
    test(`${name}, ${dtype}: rounds as the twin does; a block meets the rounded numbers, bit for bit`, async () => {
      const { backend } = await openCpuModel(build().source, { simd: 'baseline' });
      const { compute, config, weights } = backend.network;
      const spec = attentionSpec(config);
      if (spec.score === 'linear') return;
      const fixed = fixedFactors(compute, config, weights)[0]!;
      const numbers = createRandom(7).normal(TOKENS * cacheNumbersPerToken(spec));
      numbers.fill(0, 0, 3); // a row of zeros among the short ones
      const codes = filled(compute, spec, fixed, numbers, dtype);
      const read = readAll(compute, codes);
      assertSame(read, rounded(spec, numbers, LARGEST_CODES[dtype]), 'the numbers read back');

      const floats = filled(compute, spec, fixed, read, 'f32');
      const rankQ = Math.max(0, config.rankQ);
      const meet = (cache: PagedCache, count: number) => attention(compute, cache, rankQ, count);
      assertSame(meet(codes, BLOCK), meet(floats, BLOCK), 'a block');
      const [decoded, expected] = [meet(codes, 1), meet(floats, 1)];
      const size = Math.max(...expected.map(Math.abs));
      const error = Math.max(...expected.map((x, i) => Math.abs(x - decoded[i]!)));
      assert.ok(error <= DECODE_BOUND[dtype] * size, `a decode: ${error} of ${size}`);
    });
  }
}

test('forks write into pages of their own, and truncating keeps what is before', async () => {
  const { backend } = await openCpuModel(MECHANISM_VARIANTS[0]!.build().source);
  const { compute, config } = backend.network;
  const spec = attentionSpec(config);
  const width = cacheNumbersPerToken(spec);
  const numbers = createRandom(1).normal(TOKENS * width);
  const { used } = compute.heap;
  const cache = filled(compute, spec, {}, numbers, 'q8');
  const before = readAll(compute, cache);
  const fork = cache.fork();
  assert.is(fork.dtype, 'q8');
  fork.truncate(150);
  append(compute, fork, createRandom(2).normal(53 * width));
  assertSame(readAll(compute, cache), before, 'the parent');
  assertSame(
    readAll(compute, fork).slice(0, 150 * width),
    before.slice(0, 150 * width),
    'the fork',
  );
  assert.is.not(readAll(compute, fork)[152 * width], before[152 * width]);
  for (const each of [cache, fork]) each.dispose();
  assert.is(compute.heap.used, used);
});

test.run();

function filled(
  compute: Compute,
  spec: AttentionSpec,
  fixed: FixedFactors,
  numbers: Float32Array,
  dtype: PagedCache['dtype'],
): PagedCache {
  const cache = new PagedCache(compute, spec, fixed, dtype);
  append(compute, cache, numbers);
  return cache;
}

function append(compute: Compute, cache: PagedCache, numbers: Float32Array): void {
  const count = numbers.length / cache.numbersPerToken;
  const at = compute.heap.allocate(bytesOf(numbers.length));
  compute.heap.floats(at, numbers.length).set(numbers);
  cache.reserve(count);
  compute.run(() => cache.write(count, rowsAt(cache.spec, at)));
  cache.commit(count);
  compute.heap.release(at);
}

function readAll({ heap }: Compute, cache: PagedCache): Float32Array {
  const length = cache.length * cache.numbersPerToken;
  const at = heap.allocate(bytesOf(length));
  cache.read(0, cache.length, rowsAt(cache.spec, at));
  const numbers = heap.floats(at, length).slice();
  heap.release(at);
  return numbers;
}

/** Attention of the last tokens to all before them and to themselves. */
function attention(
  compute: Compute,
  cache: PagedCache,
  rankQ: number,
  count: number,
): Float32Array {
  const { heap } = compute;
  const { heads, headDim, valueDim } = cache.spec;
  const random = createRandom(5);
  const [a, b] = [
    random.normal(count * heads * (rankQ || headDim)),
    random.normal(count * rankQ * headDim),
  ];
  const length = count * heads * valueDim;
  const at = heap.allocate(bytesOf(a.length + b.length + length));
  const bq = at + a.byteLength;
  const out = bq + b.byteLength;
  heap.floats(at, a.length).set(a);
  heap.floats(bq, b.length).set(b);
  const queries = { aq: at, aqStride: a.length / count, bq, bqStride: rankQ * headDim, rankQ };
  const release = compute.takeScratch(attendScratch(compute, cache, rankQ, count), 1);
  compute.run(() => attend(compute, out, queries, cache, count, cache.length - count));
  const numbers = heap.floats(out, length).slice();
  release?.();
  heap.release(at);
  return numbers;
}
