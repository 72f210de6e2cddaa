import { checkFloats, checkInteger, checkObject, countTokens } from '../base/arguments.ts';
import { type AttentionSpec, cacheNumbersPerToken } from '../attention/spec.ts';
import { TpaError } from '../base/errors.ts';
import { whenForgotten } from '../base/forgotten.ts';
import type { Compute } from '../compute/compute.ts';
import { PagedCache } from '../cache/pages.ts';
import { bytesOf } from '../layout/numbers.ts';

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

/** K and V of T tokens as a cache with `kvHeads` takes them, RoPE already applied to k. */
export interface CachedHeads {
  /** (T, kvHeads, headDim) */
  readonly k: Float32Array;
  /** (T, kvHeads, valueDim) */
  readonly v: Float32Array;
}

/** What a cache holds, which is freed when the cache is disposed of or was forgotten. */
export class Holding {
  readonly compute: Compute;
  readonly pages: PagedCache;
  /** Length of the prefix that is as it was when a copy on a GPU was last brought up to date. */
  unchanged = 0;
  isDisposed = false;
  readonly #owner: HoldingOwner;

  constructor(compute: Compute, pages: PagedCache, owner: HoldingOwner) {
    this.compute = compute;
    this.pages = pages;
    this.#owner = owner;
    owner.add(this);
  }

  /** What the cache shares its pages with. @throws TpaError `OUT_OF_MEMORY` */
  fork(): Holding {
    return new Holding(this.compute, this.pages.fork(), this.#owner);
  }

  /** Gives the pages back; idempotent. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.pages.dispose();
    this.#owner.delete(this);
  }
}

/** Who is told of caches that come and go; a Set will do. */
export interface HoldingOwner {
  add(holding: Holding): unknown;
  delete(holding: Holding): unknown;
}

/** What a cache holds, for the runtime alone. @throws TpaError `DISPOSED` */
export let holdingOf: (cache: FactorCache) => Holding;

/**
 * The factors of a sequence of tokens, a tenth of the numbers of a K/V cache (paper, Section 3.3);
 * with `kvHeads` that K/V cache itself.
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
  readonly #holding: Holding;

  static {
    holdingOf = (cache) => cache.#use();
  }

  /** Use `runtime.createFactorCache`. @internal */
  constructor(holding: Holding) {
    this.spec = holding.pages.spec;
    this.#holding = holding;
    whenForgotten(this, () => holding.dispose());
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
   * Appends T tokens; nothing is appended if it throws.
   *
   * @param factors their factors, or K and V where the cache has `kvHeads`
   * @throws TypeError, RangeError if an array does not fit; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  append(factors: CachedFactors | CachedHeads): void {
    const { compute, pages } = this.#use();
    checkObject('factors', factors);
    const { count, parts } = checkFactors(this.spec, factors);
    const { heap } = compute;
    const staging = heap.allocate(bytesOf(count * cacheNumbersPerToken(this.spec)));
    try {
      pages.reserve(count);
      let at = staging;
      const [ak, bk, av, bv] = parts.map((part) => {
        heap.floats(at, part.length).set(part);
        at += part.byteLength;
        return { at: at - part.byteLength, stride: part.length / count };
      });
      compute.run(() =>
        pages.write(count, {
          ak: ak!.at,
          akStride: ak!.stride,
          bk: bk!.at,
          bkStride: bk!.stride,
          av: av!.at,
          avStride: av!.stride,
          bv: bv!.at,
          bvStride: bv!.stride,
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
   * @param length tokens that stay
   * @throws RangeError unless 0 <= length <= this.length
   */
  truncate(length: number): void {
    const holding = this.#use();
    const { pages } = holding;
    pages.truncate(checkInteger('length', length, 0, pages.length));
    holding.unchanged = Math.min(holding.unchanged, length);
  }

  /** A cache of the same tokens that shares their pages until one of the two writes. */
  fork(): FactorCache {
    return new FactorCache(this.#use().fork());
  }

  /** Gives the pages back; idempotent. What a program forgets is given back when it is collected. */
  dispose(): void {
    this.#holding.dispose();
  }

  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #use(): Holding {
    if (!this.#holding.isDisposed) return this.#holding;
    throw new TpaError('DISPOSED', 'the factor cache is disposed');
  }
}

/** The arrays ak, bk, av, bv of tokens for this cache; A is empty where K/V heads are cached. */
function checkFactors(
  { heads, headDim, valueDim, rankK, rankV, headFactors }: AttentionSpec,
  given: CachedFactors | CachedHeads,
): { count: number; parts: readonly Float32Array[] } {
  if (headFactors === 'groups') {
    const { k, v } = given as CachedHeads;
    const count = countTokens('k', k, rankK * headDim);
    checkFloats('k', k, count * rankK * headDim);
    checkFloats('v', v, count * rankV * valueDim);
    return { count, parts: [NO_FACTORS, k, NO_FACTORS, v] };
  }
  const { ak, bk, av, bv } = given as CachedFactors;
  const count = countTokens('ak', ak, heads * rankK);
  checkFloats('ak', ak, count * heads * rankK);
  checkFloats('bk', bk, count * rankK * headDim);
  checkFloats('av', av, count * heads * rankV);
  checkFloats('bv', bv, count * rankV * valueDim);
  return { count, parts: [ak, bk, av, bv] };
}

const NO_FACTORS = new Float32Array(0);
