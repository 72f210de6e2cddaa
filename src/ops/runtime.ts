import { checkObject, mismatch } from '../base/arguments.ts';
import { attendQueries, checkQuery, type Query } from './attend-task.ts';
import {
  checkFactorize,
  factorize,
  type Factors,
  type FactorizeSpec,
  type FactorWeights,
} from './factorize.ts';
import { checkAttentionSpec, MECHANISM_KEYS } from '../attention/check-spec.ts';
import { cacheNumbersPerToken, type AttentionSpec } from '../attention/spec.ts';
import { checkCacheOptions, type FactorCacheOptions } from './cache-options.ts';
import { FactorCache, Holding, holdingOf } from './factor-cache.ts';
import { PagedCache } from '../cache/pages.ts';
import { TpaError } from '../base/errors.ts';
import type { OpDispatch } from './dispatch.ts';
import type { OpDispatchInfo } from './figures.ts';
import type { AttendTask } from '../backend/op-gpu.ts';
import type { Threads } from '../threads/threads.ts';
import type { Compute } from '../compute/compute.ts';

/** What a runtime computes with, and why; who computes the asynchronous operations. */
export interface RuntimeInfo extends OpDispatchInfo {
  /** Which kernels. */
  readonly simd: 'baseline' | 'relaxed';
  /** Why these kernels, in words. */
  readonly simdReason: string;
  /** Threads that compute. */
  readonly threads: number;
  /** Why as many, in words. */
  readonly threadsReason: string;
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

/** What a runtime may have besides kernels. */
export interface RuntimeParts {
  readonly threads?: Threads;
  readonly dispatch?: OpDispatch;
  /** Why the CPU computes alone. */
  readonly backendReason?: string;
}

/**
 * The operations of Tensor Product Attention, and of MHA, MQA and GQA, on the CPU over one memory.
 *
 * @example
 * const runtime = await createRuntime({ simd: 'baseline' });
 * const cache = runtime.createFactorCache({ heads: 8, headDim: 32, rankK: 2, rankV: 2 });
 */
export class Runtime {
  /** Of the caches alive; a cache that is forgotten disposes of its own. */
  readonly #holdings = new Set<Holding>();
  readonly #dispatch: OpDispatch | undefined;
  readonly #backendReason: string;
  readonly #threads: Threads;
  #compute: Compute | undefined;

  /** Use `createRuntime`. @internal */
  constructor(compute: Compute, { threads, dispatch, backendReason }: RuntimeParts = {}) {
    this.#compute = compute;
    this.#threads = threads ?? { reason: 'asked for' };
    this.#backendReason = backendReason ?? 'asked for';
    this.#dispatch = dispatch;
  }

  /**
   * Factors of T tokens at positions `position …` (paper, eq. 3), RoPE applied.
   *
   * @param x (T, dim)
   * @param weights projections that the ranks of `spec` ask for
   * @param spec sizes and conventions
   * @param position of the first token, counted from 0
   * @throws TypeError, RangeError if an argument does not fit; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  factorize(
    x: Float32Array,
    weights: FactorWeights,
    spec: FactorizeSpec,
    position: number,
  ): Factors {
    const compute = this.#use();
    const task = checkFactorize(x, weights, spec, position);
    return factorize(compute, task);
  }

  /**
   * {@link factorize} where it is faster: on the GPU from `info().gpu.thresholdMacs` multiply-adds
   * on; below that, or when the GPU is lost, on the CPU. The weights go to the GPU with every call;
   * no argument may change before the promise settles.
   *
   * @param x (T, dim)
   * @param weights as of {@link factorize}
   * @param spec as of {@link factorize}
   * @param position of the first token, counted from 0
   * @throws as {@link factorize}
   */
  async factorizeAsync(
    x: Float32Array,
    weights: FactorWeights,
    spec: FactorizeSpec,
    position: number,
  ): Promise<Factors> {
    const compute = this.#use();
    const task = checkFactorize(x, weights, spec, position);
    return this.#dispatch?.factorize(task) ?? factorize(compute, task);
  }

  /**
   * An empty cache.
   *
   * @param options its sizes
   * @throws TypeError, RangeError if a size is out of range; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  createFactorCache(options: FactorCacheOptions): FactorCache {
    const compute = this.#use();
    const pages = new PagedCache(compute, checkCacheOptions(options), {}, options.dtype);
    const owner = {
      add: (holding: Holding) => this.#holdings.add(holding),
      delete: (holding: Holding) => {
        this.#holdings.delete(holding);
        this.#dispatch?.forget(holding);
      },
    };
    return new FactorCache(new Holding(compute, pages, owner));
  }

  /**
   * Attention of T queries over a cache (paper, Algorithms 1-3): query t sits at position
   * cache.length - T + t and sees the tokens up to its own. 1/R and 1/sqrt(headDim) are applied.
   *
   * @param query T queries, or the factors that {@link factorize} gave
   * @param cache what they attend to, their own tokens included
   * @returns (T, heads, valueDim)
   * @throws TypeError, RangeError if an argument does not fit; TpaError `OUT_OF_MEMORY`, `DISPOSED`
   */
  attend(query: Query | Factors, cache: FactorCache): Float32Array {
    const { compute, holding, task } = this.#query(query, cache);
    return attendQueries(compute, task, holding.pages);
  }

  /**
   * {@link attend} where it is faster: on the GPU from `info().gpu.thresholdMacs` multiply-adds on;
   * below that, or when the GPU is lost, on the CPU. The GPU keeps a copy of the cache, to which it
   * adds the tokens appended since the last call. Later changes of the cache do not matter; the query
   * must not change before the promise settles.
   *
   * @param query as of {@link attend}
   * @param cache as of {@link attend}
   * @returns (T, heads, valueDim)
   * @throws as {@link attend}
   */
  async attendAsync(query: Query | Factors, cache: FactorCache): Promise<Float32Array> {
    const { compute, holding, task } = this.#query(query, cache);
    return this.#dispatch?.attend(task, holding) ?? attendQueries(compute, task, holding.pages);
  }

  /**
   * Numbers a layer caches for each token: TPA (R_K + R_V)(h + d), with `kvHeads` = G 2 G d, and what
   * an AttentionSpec of any other mechanism stores.
   *
   * @param spec sizes of a cache, or what a layer caches
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
    const compute = this.#use();
    const { simd, reason } = compute.engine.simd;
    const computing = this.#dispatch?.info() ?? {
      backend: 'wasm' as const,
      backendReason: this.#backendReason,
    };
    const { threads } = compute;
    return { ...computing, simd, simdReason: reason, threads, threadsReason: this.#threads.reason };
  }

  /** Bytes in use. */
  memory(): MemoryInfo {
    const { used, size, limit } = this.#use().heap;
    return { used, size, limit };
  }

  /** Disposes the caches too; idempotent. */
  dispose(): void {
    for (const holding of this.#holdings) holding.dispose();
    this.#dispatch?.dispose();
    this.#compute?.dispose();
    this.#compute = undefined;
  }

  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #query(
    query: Query | Factors,
    cache: FactorCache,
  ): { compute: Compute; holding: Holding; task: AttendTask } {
    const compute = this.#use();
    if (!(cache instanceof FactorCache)) {
      throw new TypeError(mismatch('cache', 'a factor cache', cache));
    }
    const holding = holdingOf(cache);
    if (!this.#holdings.has(holding)) {
      throw new TypeError('"cache" expected a cache of this runtime, got one of another');
    }
    return { compute, holding, task: checkQuery(query, holding.pages) };
  }

  #use(): Compute {
    if (this.#compute === undefined) throw new TpaError('DISPOSED', 'the runtime is disposed');
    return this.#compute;
  }
}
