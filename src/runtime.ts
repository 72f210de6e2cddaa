import { attend, attendScratch } from './attention/attend.ts';
import {
  checkFloats,
  checkInteger,
  checkObject,
  countTokens,
  checkKnown,
  MAX_RANK,
} from './attention/arguments.ts';
import {
  factorize,
  type Factors,
  type FactorizeSpec,
  type FactorWeights,
} from './attention/factorize.ts';
import { checkAttentionSpec, MECHANISM_KEYS } from './attention/check-spec.ts';
import { cacheNumbersPerToken, type AttentionSpec } from './attention/spec.ts';
import { checkCacheOptions, type FactorCacheOptions } from './cache/cache-options.ts';
import { FactorCache, pagesOf } from './cache/factor-cache.ts';
import { PagedCache } from './cache/pages.ts';
import { TpaError } from './errors.ts';
import { createEngine, type Engine, type EngineOptions } from './wasm/engine.ts';

/** Options of {@link createRuntime}. */
export interface RuntimeOptions extends EngineOptions {
  /** Threads to compute with; one is the only number so far. */
  readonly threads?: number | 'auto';
}

/** T queries: low-rank factors, or full vectors in `q`, which wins if both are there. */
export type Query =
  | {
      /** (T, heads, rankQ) */
      readonly aq: Float32Array;
      /** (T, rankQ, headDim), rotated */
      readonly bq: Float32Array;
      readonly rankQ: number;
      readonly q?: undefined;
    }
  | {
      /** (T, heads, headDim), rotated */
      readonly q: Float32Array;
    };

/** What a runtime computes with, and why. */
export interface RuntimeInfo {
  readonly backend: 'wasm';
  readonly simd: 'baseline' | 'relaxed';
  readonly simdReason: string;
  readonly threads: number;
}

/** Bytes of a runtime's memory. */
export interface MemoryInfo {
  /** Handed out: caches, weights, scratch. */
  readonly used: number;
  /** Taken from the engine. */
  readonly size: number;
  /** Most that may be taken. */
  readonly limit: number;
}

/**
 * The operations of Tensor Product Attention, and of MHA, MQA and GQA, on the CPU over one memory.
 *
 * @example
 * const runtime = await createRuntime({ simd: 'baseline' });
 * const cache = runtime.createFactorCache({ heads: 8, headDim: 32, rankK: 2, rankV: 2 });
 */
export class Runtime {
  readonly #caches = new Set<FactorCache>();
  #engine: Engine | undefined;

  /** Use {@link createRuntime}. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Factors of T tokens at positions `position …` (paper, eq. 3), RoPE applied.
   *
   * @param x (T, dim)
   * @throws TypeError, RangeError if an argument does not fit; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  factorize(
    x: Float32Array,
    weights: FactorWeights,
    spec: FactorizeSpec,
    position: number,
  ): Factors {
    const engine = this.#use();
    return engine.run(() => factorize(engine, x, weights, spec, position));
  }

  /**
   * An empty cache.
   *
   * @throws TypeError, RangeError if a size is out of range; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  createFactorCache(options: FactorCacheOptions): FactorCache {
    const engine = this.#use();
    const pages = new PagedCache(engine, checkCacheOptions(options));
    return new FactorCache(engine, pages, this.#caches);
  }

  /**
   * Attention of T queries over a cache (paper, Algorithms 1-3): query t sits at position
   * cache.length - T + t and sees the tokens up to its own. 1/R and 1/sqrt(headDim) are applied.
   *
   * @returns (T, heads, valueDim)
   * @throws TypeError, RangeError if an argument does not fit; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  attend(query: Query | Factors, cache: FactorCache): Float32Array {
    const engine = this.#use();
    if (!(cache instanceof FactorCache)) throw new TypeError('"cache" expected a factor cache');
    const pages = pagesOf(cache);
    if (!this.#caches.has(cache)) throw new TypeError('"cache" expected a cache of this runtime');
    const { heads, headDim, valueDim } = pages.spec;
    checkObject('query', query);
    const isFull = query.q !== undefined;
    if (!isFull && pages.spec.headFactors === 'groups') {
      throw new TypeError('"q" expected for a cache with kvHeads, got factors');
    }
    const rankQ = isFull ? 0 : checkInteger('rankQ', query.rankQ, 1, MAX_RANK);
    const a = isFull ? query.q : query.aq;
    const aWidth = heads * (isFull ? headDim : rankQ);
    const name = isFull ? 'q' : 'aq';
    const count = countTokens(name, a, aWidth);
    checkFloats(name, a, count * aWidth);
    const b = isFull ? new Float32Array(0) : checkFloats('bq', query.bq, count * rankQ * headDim);
    if (count > pages.length) {
      throw new RangeError(
        `"${name}" expected at most ${pages.length} queries, the cache's length, got ${count}`,
      );
    }
    const { heap } = engine;
    const outLength = count * heads * valueDim;
    const scratchBytes = attendScratch(engine, pages, rankQ, count);
    const region = heap.allocate(scratchBytes + (a.length + b.length + outLength) * 4);
    try {
      const aq = region + scratchBytes;
      const bq = aq + a.byteLength;
      const out = bq + b.byteLength;
      heap.floats(aq, a.length).set(a);
      heap.floats(bq, b.length).set(b);
      const queries = { aq, aqStride: aWidth, bq, bqStride: rankQ * headDim, rankQ };
      engine.run(() => attend(engine, out, queries, pages, count, pages.length - count, region));
      return heap.floats(out, outLength).slice();
    } finally {
      heap.release(region);
    }
  }

  /**
   * Numbers a layer caches for each token: TPA (R_K + R_V)(h + d), with `kvHeads` = G 2 G d, and what
   * an AttentionSpec of any other mechanism stores.
   *
   * @throws TypeError, RangeError if a size is out of range or does not fit the others
   * @example
   * const mla = { heads: 16, headDim: 576, valueDim: 512, rankK: 1, rankV: 1 };
   * runtime.cacheNumbersPerToken({ ...mla, headFactors: 'groups', featureFactors: 'latent' }); // 576
   */
  cacheNumbersPerToken(spec: AttentionSpec | FactorCacheOptions): number {
    checkObject('spec', spec);
    const isSpec = MECHANISM_KEYS.some((key) => key in spec);
    return cacheNumbersPerToken(
      isSpec ? checkAttentionSpec(spec as AttentionSpec) : checkCacheOptions(spec),
    );
  }

  /** What computes and why. */
  info(): RuntimeInfo {
    const { simd, reason } = this.#use().simd;
    return { backend: 'wasm', simd, simdReason: reason, threads: 1 };
  }

  /** Bytes in use. */
  memory(): MemoryInfo {
    const { used, size, limit } = this.#use().heap;
    return { used, size, limit };
  }

  /** Disposes the caches too; idempotent. */
  dispose(): void {
    for (const cache of this.#caches) cache.dispose();
    this.#engine = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #use(): Engine {
    if (this.#engine === undefined) throw new TpaError('DISPOSED', 'the runtime is disposed');
    return this.#engine;
  }
}

const RUNTIME_OPTIONS = ['simd', 'memoryLimit', 'wasm', 'threads'];

/**
 * Starts a runtime with a memory of its own.
 *
 * @throws TypeError, RangeError for a bad option; TpaError `SIMD_UNAVAILABLE`, `WASM_BLOCKED`,
 *   `OUT_OF_MEMORY`
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  checkKnown('createRuntime', checkObject('options', options), RUNTIME_OPTIONS);
  const { threads, ...engineOptions } = options;
  checkThreads(threads);
  return new Runtime(await createEngine(engineOptions));
}

/** One thread is all there is so far; another number is refused rather than ignored. */
export function checkThreads(threads: number | 'auto' = 'auto'): void {
  if (threads === 'auto' || threads === 1) return;
  throw new RangeError(
    `"threads" expected "auto" or 1, the only number so far, got ${String(threads)}`,
  );
}
