import type { Backend, Sequence } from '../../../src/backend/backend.ts';
import { TpaError } from '../../../src/base/errors.ts';

export interface FakeOptions {
  vocabSize?: number;
  contextLength?: number;
  maxChunk?: number;
  /** Forward calls (1 = the first) that go wrong, and how. */
  failAt?: ReadonlyMap<number, 'throw' | 'nonfinite'>;
  /** Runs in the middle of the n-th forward. */
  onForward?: (call: number) => void;
}

/**
 * A model without weights: its logits are a hash of the whole id prefix, so that any wrong,
 * missing or repeated token in the cache changes the next one.
 */
export class FakeBackend implements Backend {
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly maxChunk: number;
  /** Sizes of the forward calls so far. */
  readonly calls: number[] = [];
  /** Sequences that are not disposed. */
  live = 0;
  readonly options: FakeOptions;

  constructor(options: FakeOptions = {}) {
    this.options = options;
    this.vocabSize = options.vocabSize ?? 50;
    this.contextLength = options.contextLength ?? 64;
    this.maxChunk = options.maxChunk ?? 4;
  }

  get identity(): never {
    throw notSaved();
  }

  createSequence(): Sequence {
    return new FakeSequence(this, []);
  }

  receive(): never {
    throw notSaved();
  }

  dispose(): void {
    this.live = 0;
  }
}

class FakeSequence implements Sequence {
  readonly cacheDtype = 'f32';
  readonly #backend: FakeBackend;
  readonly #ids: number[];
  #isDisposed = false;
  #isRunning = false;

  constructor(backend: FakeBackend, ids: readonly number[]) {
    this.#backend = backend;
    this.#ids = [...ids];
    backend.live++;
  }

  get length(): number {
    return this.#ids.length;
  }

  get byteLength(): number {
    return this.#ids.length * 8;
  }

  get lengths(): readonly number[] {
    return this.#ids.length > 0 ? [this.#ids.length] : [];
  }

  async forward(all: readonly number[], rows: 'last' | 'all' = 'last'): Promise<Float32Array> {
    this.#check();
    const { options, maxChunk, contextLength, vocabSize, calls } = this.#backend;
    const ids = all.slice(0, maxChunk);
    if (ids.length < 1) throw new RangeError('no ids');
    if (this.#ids.length + ids.length > contextLength) throw new RangeError('cache is full');
    if (rows !== 'last') throw new RangeError('the token loop needs the last row only');
    calls.push(ids.length);
    const call = calls.length;
    this.#isRunning = true;
    await Promise.resolve();
    options.onForward?.(call);
    await Promise.resolve();
    this.#isRunning = false;
    const failure = options.failAt?.get(call);
    if (failure === 'throw') throw new TpaError('KERNEL_TRAP', `forward ${call} was told to fail`);
    if (failure === 'nonfinite') throw new TpaError('NONFINITE_LOGITS', `NaN in forward ${call}`);
    this.#ids.push(...ids);
    return prefixLogits(this.#ids, vocabSize);
  }

  async score(): Promise<Float32Array> {
    throw new RangeError('the token loop needs no log-probabilities');
  }

  async savePiece(): Promise<never> {
    throw notSaved();
  }

  truncate(length: number): void {
    this.#check();
    if (!(length >= 0 && length <= this.#ids.length)) throw new RangeError(`truncate(${length})`);
    this.#ids.length = length;
  }

  fork(): Sequence {
    this.#check();
    return new FakeSequence(this.#backend, this.#ids);
  }

  dispose(): void {
    if (this.#isRunning) throw new Error('disposed under a running forward');
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#backend.live--;
  }

  #check(): void {
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the fake sequence is disposed');
    if (this.#isRunning) throw new Error('calls on a sequence overlap');
  }
}

/** What a model without weights says where its cache is wanted. */
export function notSaved(): RangeError {
  return new RangeError('the fake model has no cache');
}

/** Logits (vocabSize) in [-4, 4), a function of every id and of their order. */
export function prefixLogits(ids: readonly number[], vocabSize: number): Float32Array {
  let hash = 0x811c9dc5;
  for (const id of ids) hash = Math.imul(hash ^ (id + 1), 0x01000193) ^ (hash >>> 13);
  return Float32Array.from({ length: vocabSize }, (_, id) => {
    let h = Math.imul(hash ^ Math.imul(id + 1, 0x9e3779b1), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 29 - 4;
  });
}
