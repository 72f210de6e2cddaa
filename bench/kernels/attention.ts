import { Compute } from '../../src/compute/compute.ts';
import { attend, attendScratch } from '../../src/compute/attend.ts';
import { PagedCache } from '../../src/cache/pages.ts';
import type { CacheDtype } from '../../src/layout/cache-dtype.ts';
import type { Threads } from '../../src/threads/threads.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import { assertClose, tpaReference } from '../peers/reference.ts';
import { randomFactors } from '../peers/tpa-graph.ts';
import { randomValues } from '../random.ts';
import type { AttentionShape } from '../shapes.ts';

/** Relative error of a decode beside float32 factors, with those rounded as each cache does. */
export const CACHE_TOLERANCE: Readonly<Record<CacheDtype, number>> = {
  f32: 1e-5,
  i16: 2e-3,
  q8: 2e-2,
};

/** Small enough for a scalar reference, more than one tile. */
const CHECK_TOKENS = 37;

/** Attention over a cache of `tokens` random tokens, ready to run. */
export interface Attention {
  /** Attends to the whole cache with the last `queries` tokens. */
  run(): void;
  readonly cacheBytes: number;
}

/** Fills a cache with random factors; the same for every engine. */
export function openAttention(
  engine: Engine,
  shape: AttentionShape,
  tokens: number,
  queries: number,
  { threads, dtype = 'f32' }: { threads?: Threads; dtype?: CacheDtype } = {},
): Attention {
  const { heap } = engine;
  const { heads, headDim, rankQ, rankK, rankV } = shape;
  const compute = new Compute(engine, { threads });
  const cache = new PagedCache(
    compute,
    { heads, headDim, valueDim: headDim, rankK, rankV },
    {},
    dtype,
  );
  appendRandom(engine, cache, tokens);
  compute.takeScratch(attendScratch(compute, cache, rankQ, queries));
  const aq = place(engine, randomValues(queries * heads * rankQ, 7));
  const bq = place(engine, randomValues(queries * rankQ * headDim, 8));
  const out = heap.allocate(queries * heads * headDim * 4);
  const rows = { aq, aqStride: heads * rankQ, bq, bqStride: rankQ * headDim, rankQ };
  return {
    run: () => compute.run(() => attend(compute, out, rows, cache, queries, tokens - queries)),
    cacheBytes: cache.byteLength,
  };
}

/** Compares one decode step over a short cache with float64. */
export function checkDecode(
  name: string,
  engine: Engine,
  shape: AttentionShape,
  dtype: CacheDtype = 'f32',
): void {
  const { heap } = engine;
  const { heads, headDim, rankQ, rankK, rankV } = shape;
  const factors = randomFactors(shape, CHECK_TOKENS);
  const compute = new Compute(engine);
  const cache = new PagedCache(
    compute,
    { heads, headDim, valueDim: headDim, rankK, rankV },
    {},
    dtype,
  );
  cache.reserve(CHECK_TOKENS);
  cache.write(CHECK_TOKENS, {
    ak: place(engine, headsFirst(factors.ak, rankK, heads)),
    akStride: heads * rankK,
    bk: place(engine, factors.bk),
    bkStride: rankK * headDim,
    av: place(engine, headsFirst(factors.av, rankV, heads)),
    avStride: heads * rankV,
    bv: place(engine, factors.bv),
    bvStride: rankV * headDim,
  });
  cache.commit(CHECK_TOKENS);
  const queries = {
    aq: place(engine, factors.aq),
    aqStride: 0,
    bq: place(engine, factors.bq),
    bqStride: 0,
    rankQ,
  };
  compute.takeScratch(attendScratch(compute, cache, rankQ, 1));
  const out = heap.allocate(heads * headDim * 4);
  attend(compute, out, queries, cache, 1, CHECK_TOKENS - 1);
  const expected = tpaReference(shape, factors);
  assertClose(name, heap.floats(out, heads * headDim), expected, CACHE_TOLERANCE[dtype]);
}

/** Appends in blocks, so that the random numbers of a long cache are not all held at once. */
function appendRandom(engine: Engine, cache: PagedCache, tokens: number): void {
  const { heads, headDim, rankK, rankV } = cache.spec;
  const block = 256;
  const strides = [heads * rankK, rankK * headDim, heads * rankV, rankV * headDim];
  const staging = strides.map((stride) => engine.heap.allocate(block * stride * 4));
  const [ak = 0, bk = 0, av = 0, bv = 0] = staging;
  const [akStride = 0, bkStride = 0, avStride = 0, bvStride = 0] = strides;
  for (let done = 0; done < tokens; done += block) {
    const count = Math.min(block, tokens - done);
    for (const [i, stride] of strides.entries()) {
      const values = randomValues(count * stride, done * 4 + i);
      engine.heap.floats(staging[i]!, values.length).set(values);
    }
    cache.reserve(count);
    cache.write(count, { ak, akStride, bk, bkStride, av, avStride, bv, bvStride });
    cache.commit(count);
  }
  for (const address of staging) engine.heap.release(address);
}

function place(engine: Engine, values: Float32Array): number {
  const address = engine.heap.allocate(values.byteLength);
  engine.heap.floats(address, values.length).set(values);
  return address;
}

/** (tokens, rank, heads) to (tokens, heads, rank). */
function headsFirst(a: Float32Array, rank: number, heads: number): Float32Array {
  return a.map((_, i) => {
    const token = Math.floor(i / (rank * heads));
    const h = Math.floor(i / rank) % heads;
    return a[(token * rank + (i % rank)) * heads + h]!;
  });
}
