import {
  checkFloats,
  checkInteger,
  checkObject,
  countTokens,
  MAX_HEADS,
  MAX_RANK,
  MAX_WIDTH,
} from '../attention/arguments.ts';
import { type AttentionSpec, cacheNumbersPerToken } from '../attention/spec.ts';
import { TpaError } from '../errors.ts';
import type { Engine } from '../wasm/engine.ts';
import { PagedCache } from './pages.ts';

/** Sizes of a cache; `valueDim` is `headDim` unless given. */
export interface FactorCacheOptions {
  readonly heads: number;
  readonly headDim: number;
  readonly valueDim?: number;
  readonly rankK: number;
  readonly rankV: number;
  /** How factors are stored; float32 is the only one so far. */
  readonly dtype?: 'float32';
}

/** Factors of T tokens as the cache takes them, RoPE already applied to bk. */
export interface CachedFactors {
  /** (T, heads, rankK) */
  readonly ak: Float32Array;
  /** (T, rankK, headDim) */
  readonly bk: Float32Array;
  /** (T, heads, rankV) */
  readonly av: Float32Array;
  /** (T, rankV, valueDim) */
  readonly bv: Float32Array;
}

/** What a cache is while it is not disposed. */
interface Live {
  readonly engine: Engine;
  readonly pages: PagedCache;
}

/** The pages of a cache, for the runtime alone. @throws TpaError `DISPOSED` */
export let pagesOf: (cache: FactorCache) => PagedCache;

/**
 * The factors of a sequence of tokens, a tenth of the numbers of a K/V cache (paper, Section 3.3).
 *
 * @example
 * const runtime = await createRuntime();
 * const cache = runtime.createFactorCache({ heads: 8, headDim: 32, rankK: 2, rankV: 2 });
 * cache.append({
 *   ak: new Float32Array(16), bk: new Float32Array(64),
 *   av: new Float32Array(16), bv: new Float32Array(64),
 * });
 * cache.length; // 1
 */
export class FactorCache {
  /** Sizes of this cache. */
  readonly spec: AttentionSpec;
  readonly #siblings: Set<FactorCache>;
  #live: Live | undefined;

  static {
    pagesOf = (cache) => cache.#use().pages;
  }

  /** Use `runtime.createFactorCache`. */
  constructor(engine: Engine, pages: PagedCache, siblings: Set<FactorCache>) {
    this.spec = pages.spec;
    this.#live = { engine, pages };
    this.#siblings = siblings;
    siblings.add(this);
  }

  /** Tokens in the cache. */
  get length(): number {
    return this.#use().pages.length;
  }

  /** Bytes of its pages; a page shared with a fork counts in full. */
  get byteLength(): number {
    return this.#use().pages.byteLength;
  }

  /**
   * Appends the factors of T tokens; nothing is appended if it throws.
   *
   * @throws TypeError, RangeError if an array does not fit; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  append(factors: CachedFactors): void {
    const { engine, pages } = this.#use();
    checkObject('factors', factors);
    const { heads, headDim, valueDim, rankK, rankV } = this.spec;
    const count = countTokens('ak', factors.ak, heads * rankK);
    const parts = [
      checkFloats('ak', factors.ak, count * heads * rankK),
      checkFloats('bk', factors.bk, count * rankK * headDim),
      checkFloats('av', factors.av, count * heads * rankV),
      checkFloats('bv', factors.bv, count * rankV * valueDim),
    ];
    const { heap } = engine;
    const staging = heap.allocate(count * cacheNumbersPerToken(this.spec) * 4);
    try {
      pages.reserve(count);
      let at = staging;
      const [ak = 0, bk = 0, av = 0, bv = 0] = parts.map((part) => {
        heap.floats(at, part.length).set(part);
        at += part.byteLength;
        return at - part.byteLength;
      });
      engine.run(() =>
        pages.write(count, {
          ak,
          akStride: heads * rankK,
          bk,
          bkStride: rankK * headDim,
          av,
          avStride: heads * rankV,
          bv,
          bvStride: rankV * valueDim,
        }),
      );
      pages.commit(count);
    } finally {
      heap.release(staging);
      pages.trim();
    }
  }

  /**
   * Forgets the tokens from `length` on.
   *
   * @throws RangeError unless 0 <= length <= this.length
   */
  truncate(length: number): void {
    const { pages } = this.#use();
    pages.truncate(checkInteger('length', length, 0, pages.length));
  }

  /** A cache of the same tokens that shares their pages until one of the two writes. */
  fork(): FactorCache {
    const { engine, pages } = this.#use();
    return new FactorCache(engine, pages.fork(), this.#siblings);
  }

  /** Gives the pages back; idempotent. */
  dispose(): void {
    this.#live?.pages.dispose();
    this.#live = undefined;
    this.#siblings.delete(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #use(): Live {
    if (this.#live === undefined) throw new TpaError('DISPOSED', 'the factor cache is disposed');
    return this.#live;
  }
}

/** Checks the sizes of a cache. @throws TypeError, RangeError */
export function checkCacheOptions(options: FactorCacheOptions): AttentionSpec {
  checkObject('options', options);
  const { heads, headDim, valueDim = headDim, rankK, rankV, dtype = 'float32' } = options;
  if (dtype !== 'float32') throw new RangeError(`"dtype" expected "float32", got ${String(dtype)}`);
  return {
    heads: checkInteger('heads', heads, 1, MAX_HEADS),
    headDim: checkInteger('headDim', headDim, 1, MAX_WIDTH),
    valueDim: checkInteger('valueDim', valueDim, 1, MAX_WIDTH),
    rankK: checkInteger('rankK', rankK, 1, MAX_RANK),
    rankV: checkInteger('rankV', rankV, 1, MAX_RANK),
  };
}
