import type { FixedFactors } from '../layout/records.ts';
import { TpaError } from '../base/errors.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { type Network, readLogits, runBlocks } from '../model/forward.ts';
import { attentionSpec } from '../format/config/attention-spec.ts';
import type { ModelWeights } from '../weights/weights.ts';
import { readScores, scoreLogits } from '../model/scores.ts';
import { stepTokens } from '../model/budget.ts';
import { createWorkspace, fixedFactors } from '../model/workspace.ts';
import type { Compute } from '../compute/compute.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import { createLayerCache, createLayers, type LayerCache } from '../cache/layer-cache.ts';
import type { Backend, FactorSequence, ModelIdentity, Sequence } from './backend.ts';
import { loadFactors, readFactors } from './cpu-factors.ts';
import { CpuIncoming, saveInto } from './cpu-saving.ts';

/** A context on the CPU: its factors go in and out, and so do those of its forks. */
export interface CpuSequence extends Sequence, FactorSequence {
  /**
   * Log-probabilities by logits that a GPU has computed; appends nothing.
   *
   * @param logits (next.length, vocabSize), finite
   * @param next ids of the tokens that follow
   * @returns (next.length), a fresh array
   * @throws TpaError `KERNEL_TRAP`, `DISPOSED`
   */
  scoreLogits(logits: Float32Array, next: readonly number[]): Promise<Float32Array>;
  /** A copy that shares the pages, copy on write. */
  fork(): CpuSequence;
}

/** The wasm kernels as a {@link Backend}. */
export class CpuBackend implements Backend<CpuSequence> {
  /** Tokens that one forward evaluates at most. */
  readonly maxChunk: number;
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly cacheDtype: CacheDtype;
  readonly #sequences = new Set<CachedSequence>();
  readonly #fixed: readonly FixedFactors[];
  #network: Network | undefined;
  #lastStep: Promise<unknown> = Promise.resolve();

  /** @param cacheDtype of sequences that are not told otherwise @throws TpaError `OUT_OF_MEMORY` */
  constructor(
    compute: Compute,
    config: ModelConfig,
    weights: ModelWeights,
    cacheDtype: CacheDtype = 'f32',
  ) {
    this.cacheDtype = config.isLinear ? 'f32' : cacheDtype;
    this.contextLength = config.contextLength;
    this.vocabSize = config.vocabSize;
    this.maxChunk = stepTokens(config);
    this.#fixed = fixedFactors(compute, config, weights);
    const workspace = createWorkspace(compute, config, this.maxChunk, this.cacheDtype);
    this.#network = { compute, config, weights, workspace };
  }

  get identity(): ModelIdentity {
    const { config, weights } = this.network;
    return { config, fingerprint: weights.fingerprint };
  }

  createSequence(cacheDtype = this.cacheDtype): CpuSequence {
    return new CachedSequence(this, this.#sequences, this.#createCaches(cacheDtype));
  }

  receive(lengths: readonly number[], cacheDtype = this.cacheDtype): CpuIncoming<CpuSequence> {
    const caches = this.#createCaches(cacheDtype);
    const sequence = new CachedSequence(this, this.#sequences, caches);
    const compute = () => this.network.compute;
    return new CpuIncoming<CpuSequence>({ sequence, caches, compute }, lengths);
  }

  /** Does work after all that was asked for before: steps share the workspace. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastStep.then(work);
    this.#lastStep = turn.catch(() => {});
    return turn;
  }

  /** What computes. @throws TpaError `DISPOSED` */
  get network(): Network {
    if (this.#network === undefined) throw new TpaError('DISPOSED', 'the model is disposed');
    return this.#network;
  }

  /** Frees every sequence and lets go of the memory, weights and all. */
  dispose(): void {
    this.#network?.compute.dispose();
    for (const sequence of this.#sequences) sequence.dispose();
    this.#network = undefined;
  }

  #createCaches(cacheDtype: CacheDtype): LayerCache[] {
    const { compute, config, workspace } = this.network;
    if (cacheDtype !== 'f32') workspace.takeCodes();
    return createLayers(config.layers, (layer) =>
      createLayerCache(compute, attentionSpec(config, layer), this.#fixed[layer], cacheDtype),
    );
  }
}

/** The factor caches of one context, one a layer. */
class CachedSequence implements CpuSequence {
  readonly cacheDtype: CacheDtype;
  readonly #backend: CpuBackend;
  readonly #siblings: Set<CachedSequence>;
  #caches: readonly LayerCache[];
  #isDisposed = false;
  /** Whether a step uses the caches. */
  #isInStep = false;
  #lastLength = 0;

  constructor(backend: CpuBackend, siblings: Set<CachedSequence>, caches: readonly LayerCache[]) {
    this.cacheDtype = caches[0]?.dtype ?? backend.cacheDtype;
    this.#backend = backend;
    this.#siblings = siblings;
    this.#caches = caches;
    siblings.add(this);
  }

  get length(): number {
    return this.#caches[0]?.length ?? this.#lastLength;
  }

  get byteLength(): number {
    return this.#caches.reduce((sum, cache) => sum + cache.byteLength, 0);
  }

  get lengths(): readonly number[] {
    return this.#caches[0]?.lengths ?? [];
  }

  async forward(
    all: readonly number[],
    rows: 'last' | 'all' = 'last',
    row?: Float32Array,
    isCancelled?: () => boolean,
  ): Promise<Float32Array> {
    return this.#evaluate(all, isCancelled, async (network, count, isEnded) => {
      const [first, some] = rows === 'all' ? [0, count] : [count - 1, 1];
      const out = rows === 'all' ? undefined : row;
      const logits = await readLogits(network, first, some, out, isEnded);
      if (logits !== undefined) return logits;
      const step = this.length + count - 1;
      throw nonFinite(step, `the logits at position ${step} or before are not finite`);
    });
  }

  async score(
    all: readonly number[],
    next: readonly number[],
    isCancelled?: () => boolean,
  ): Promise<Float32Array> {
    return this.#evaluate(all, isCancelled, async (network, count, isEnded) => {
      const scores = await readScores(network, next.slice(0, count), isEnded);
      const bad = scores.findIndex(Number.isNaN);
      if (bad < 0) return scores;
      const step = this.length + bad;
      throw nonFinite(step, `the logits at position ${step} are not finite`);
    });
  }

  async scoreLogits(logits: Float32Array, next: readonly number[]): Promise<Float32Array> {
    return this.#backend.inTurn(() => scoreLogits(this.#use(), logits, next));
  }

  async readFactors(start: number, count: number): Promise<Float32Array> {
    return readFactors(this.#use().compute, this.#caches, start, count);
  }

  async loadFactors(factors: Float32Array): Promise<void> {
    loadFactors(this.#use().compute, this.#caches, factors, this.#backend.contextLength);
  }

  async savePiece(piece: number, target: Uint8Array, dtype = this.cacheDtype): Promise<number> {
    return saveInto(this.#use().compute, this.#caches, piece, target, dtype);
  }

  truncate(length: number): void {
    this.#use();
    for (const cache of this.#caches) cache.truncate(length);
  }

  fork(): CpuSequence {
    this.#use();
    const caches = createLayers(this.#caches.length, (layer) => this.#caches[layer]!.fork());
    return new CachedSequence(this.#backend, this.#siblings, caches);
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#siblings.delete(this);
    this.#lastLength = this.length;
    // other threads may be within a range that writes there
    if (!this.#isInStep) this.#release();
  }

  /**
   * Appends the first of some tokens, unless `read` throws.
   *
   * @param read takes what is wanted of the residual stream of so many tokens
   */
  #evaluate(
    all: readonly number[],
    isCancelled: () => boolean = () => false,
    read: (network: Network, count: number, isEnded: () => boolean) => Promise<Float32Array>,
  ): Promise<Float32Array> {
    const ids = all.slice(0, this.#backend.maxChunk);
    const isEnded = () => this.#isDisposed || isCancelled();
    return this.#backend.inTurn(async () => {
      const network = this.#use();
      this.#isInStep = true;
      try {
        for (const cache of this.#caches) cache.reserve(ids.length);
        await network.compute.evaluate(() => runBlocks(network, ids, this.#caches), isEnded);
        const numbers = await read(network, ids.length, isEnded);
        for (const cache of this.#caches) cache.commit(ids.length);
        return numbers;
      } catch (error) {
        this.#use();
        throw error;
      } finally {
        this.#isInStep = false;
        for (const cache of this.#caches) cache.trim();
        if (this.#isDisposed) this.#release();
      }
    });
  }

  #release(): void {
    for (const cache of this.#caches) cache.dispose();
    this.#caches = []; // they hold the memory
  }

  /** @throws TpaError `DISPOSED` */
  #use(): Network {
    const { network } = this.#backend;
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the session is disposed');
    return network;
  }
}

function nonFinite(step: number, message: string): TpaError {
  return new TpaError('NONFINITE_LOGITS', message, { data: { step } });
}
