import { Compute } from '../../src/compute/compute.ts';
import { attend, attendScratch } from '../../src/compute/attend.ts';
import type { AttentionSpec } from '../../src/attention/spec.ts';
import { PagedCache } from '../../src/cache/pages.ts';
import type { CacheDtype } from '../../src/layout/cache-dtype.ts';
import { pageBytes } from '../../src/layout/pages.ts';
import type { Threads } from '../../src/threads/threads.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import type { Probes } from '../peak.ts';
import { randomGqaFeeds } from '../peers/gqa-graph.ts';
import { assertClose, gqaReference } from '../peers/reference.ts';
import { randomValues } from '../random.ts';
import type { DenseShape } from '../shapes.ts';
import { CACHE_TOLERANCE } from './attention.ts';

/** Small enough for a scalar reference, more than one tile. */
const CHECK_TOKENS = 61;

/** One dense decode step, ready to run. */
export interface DenseDecode {
  run(): void;
  /** Reads every page once and does nothing with it. */
  read(): void;
  /** float32 numbers that `read` reads. */
  readonly numbers: number;
}

/** Fills a cache with random keys and values; the same for every engine. */
export function openDense(
  engine: Engine,
  shape: DenseShape,
  tokens: number,
  probes: Probes,
  { threads, dtype = 'f32' }: { threads?: Threads; dtype?: CacheDtype } = {},
): DenseDecode {
  const { heap } = engine;
  const { heads, headDim, valueDim } = shape;
  const compute = new Compute(engine, { threads });
  const cache = new PagedCache(compute, specOf(shape), {}, dtype);
  const { keys, values } = widths(shape);
  const block = 128;
  const bk = heap.allocate(block * keys * 4);
  const bv = heap.allocate(block * values * 4);
  for (let done = 0; done < tokens; done += block) {
    const count = Math.min(block, tokens - done);
    heap.floats(bk, count * keys).set(randomValues(count * keys, 2 * done + 1));
    heap.floats(bv, count * values).set(randomValues(count * values, 2 * done + 2));
    append(cache, shape, count, bk, bv);
  }
  const q = heap.allocate(heads * headDim * 4);
  heap.floats(q, heads * headDim).set(randomValues(heads * headDim, 7));
  compute.takeScratch(attendScratch(compute, cache, 0, 1));
  const out = heap.allocate(heads * valueDim * 4);
  const rows = { aq: q, aqStride: 0, bq: 0, bqStride: 0, rankQ: 0 };
  const bytes = pageBytes(cache.spec, dtype);
  const pages = heap.words(cache.pagesAt, cache.byteLength / bytes).slice();
  return {
    run: () => compute.run(() => attend(compute, out, rows, cache, 1, tokens - 1)),
    read: () => {
      for (const page of pages) probes.readPeak(page, bytes);
    },
    numbers: cache.byteLength / 4,
  };
}

/** Compares one decode step over a short cache with float64; a latent one is a test's business. */
export function checkDense(
  name: string,
  engine: Engine,
  shape: DenseShape,
  dtype: CacheDtype = 'f32',
): void {
  if (shape.isLatent === true) return;
  const { heap } = engine;
  const { heads, headDim, kvHeads } = shape;
  const feeds = randomGqaFeeds(shape, CHECK_TOKENS);
  const compute = new Compute(engine);
  const cache = new PagedCache(compute, specOf(shape), {}, dtype);
  const place = ({ data }: { data: Float32Array | Int32Array }) => {
    const at = heap.allocate(data.byteLength);
    heap.floats(at, data.length).set(data);
    return at;
  };
  const past = [feeds.past_key, feeds.past_value].map(({ data }) =>
    place({ data: tokenMajor(data, kvHeads, headDim) }),
  );
  append(cache, shape, CHECK_TOKENS, past[0]!, past[1]!);
  append(cache, shape, 1, place(feeds.key), place(feeds.value));
  compute.takeScratch(attendScratch(compute, cache, 0, 1));
  const out = heap.allocate(heads * headDim * 4);
  const queries = { aq: place(feeds.query), aqStride: 0, bq: 0, bqStride: 0, rankQ: 0 };
  attend(compute, out, queries, cache, 1, CHECK_TOKENS);
  const expected = gqaReference(shape, feeds);
  assertClose(name, heap.floats(out, heads * headDim), expected, CACHE_TOLERANCE[dtype]);
}

function specOf({
  heads,
  kvHeads,
  headDim,
  valueDim,
  isLatent = false,
}: DenseShape): AttentionSpec {
  const sizes = { heads, headDim, valueDim, rankK: kvHeads, rankV: kvHeads };
  return { ...sizes, headFactors: 'groups', ...(isLatent ? { featureFactors: 'latent' } : {}) };
}

/** Numbers of a token's keys and values in the page. */
function widths({ kvHeads, headDim, valueDim, isLatent = false }: DenseShape) {
  return { keys: kvHeads * (isLatent ? headDim - valueDim : headDim), values: kvHeads * valueDim };
}

function append(cache: PagedCache, shape: DenseShape, count: number, bk: number, bv: number): void {
  const { keys, values } = widths(shape);
  const none = { ak: 0, akStride: 0, av: 0, avStride: 0 };
  cache.reserve(count);
  cache.write(count, { ...none, bk, bkStride: keys, bv, bvStride: values });
  cache.commit(count);
}

/** (heads, tokens, width) to (tokens, heads, width). */
function tokenMajor(x: ArrayLike<number>, heads: number, width: number): Float32Array {
  const tokens = x.length / (heads * width);
  return Float32Array.from({ length: x.length }, (_, i) => {
    const token = Math.floor(i / (heads * width));
    const head = Math.floor(i / width) % heads;
    return x[(head * tokens + token) * width + (i % width)]!;
  });
}
