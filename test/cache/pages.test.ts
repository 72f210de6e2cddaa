import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PagedCache } from '../../src/cache/pages.ts';
import { rowsAt } from '../../src/layout/pages.ts';
import { outcomeOf, refused } from '../helpers/checks/refused.ts';
import { createFailingRuntime } from '../helpers/fakes/failing-runtime.ts';
import { piecesOf } from '../helpers/kernels/cache-pieces.ts';

const SPEC = { heads: 2, headDim: 4, valueDim: 4, rankK: 1, rankV: 1 };
/** ak, bk, av, bv of a token, in pages without padding. */
const NUMBERS = 2 + 4 + 2 + 4;
const PAGE_BYTES = 96 * NUMBERS * 4;

const test = suite('PagedCache');

test('what is written counts once it is committed, and not after a trim', async () => {
  const { cache, write, held } = await open();
  cache.reserve(5);
  write(cache, tokens(0, 3));
  write(cache, tokens(3, 5), 3);
  assert.equal([cache.length, held(cache)], [0, []]);
  cache.commit(5);
  assert.equal(held(cache), tokens(0, 5));
  cache.reserve(300);
  write(cache, tokens(5, 200));
  assert.is(cache.byteLength, 4 * PAGE_BYTES);
  cache.trim();
  assert.equal([held(cache), cache.byteLength], [tokens(0, 5), PAGE_BYTES]);
});

test('a table that outgrows its 16 pages keeps the tokens, in forks too', async () => {
  const { cache, append, held } = await open();
  const many = tokens(0, 17 * 96 + 3);
  append(cache, many.slice(0, 1500));
  append(cache, many.slice(1500));
  const fork = cache.fork();
  append(fork, [9999]);
  cache.truncate(5000); // no shorter than that
  assert.equal([held(cache), held(fork)], [many, [...many, 9999]]);
});

test('a reservation whose k-th allocation fails leaves cache and fork as they were, for every k', async () => {
  for (let k = 1; ; k++) {
    const { heap, allocations, cache, append, held } = await open();
    append(cache, tokens(0, 1500)); // 16 pages: the next one needs a larger table
    const fork = cache.fork();
    allocations.failAt(k);
    const failed = await outcomeOf(() => fork.reserve(200));
    if (failed === undefined) break;
    await refused(() => failed, 'OUT_OF_MEMORY');
    assert.is(fork.byteLength, 16 * PAGE_BYTES, `k = ${k}`);
    assert.equal([held(cache), held(fork)], [tokens(0, 1500), tokens(0, 1500)]);
    append(fork, [7]);
    assert.equal([held(cache), held(fork)], [tokens(0, 1500), [...tokens(0, 1500), 7]]);
    cache.dispose();
    fork.dispose();
    assert.is(heap.used, 0);
    assert.ok(k <= 4);
  }
});

test.run();

function tokens(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** An empty cache, and what fills caches: every number of a token is the token's. */
async function open() {
  const { compute, heap, allocations } = await createFailingRuntime();
  const write = (cache: PagedCache, some: readonly number[], skipped = 0): void => {
    const staging = heap.allocate(some.length * NUMBERS * 4);
    heap
      .floats(staging, some.length * NUMBERS)
      .set(some.flatMap((token) => Array<number>(NUMBERS).fill(token)));
    cache.write(some.length, rowsAt(SPEC, staging), skipped);
    heap.release(staging);
  };
  const append = (cache: PagedCache, some: readonly number[]): void => {
    cache.reserve(some.length);
    write(cache, some);
    cache.commit(some.length);
  };
  /** The tokens that a cache holds. */
  const held = (cache: PagedCache): number[] =>
    piecesOf(compute, cache).flatMap(({ buffer }) => {
      const numbers = new Float32Array(buffer);
      return tokens(0, numbers.length / NUMBERS).map((token) => {
        const own = numbers.subarray(token * NUMBERS, (token + 1) * NUMBERS);
        assert.is(new Set(own).size, 1, `the numbers of token ${token}`);
        return own[0]!;
      });
    });
  return { heap, allocations, cache: new PagedCache(compute, SPEC), write, append, held };
}
