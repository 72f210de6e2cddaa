import { TpaError } from '../../base/errors.ts';
import type { CacheDtype } from '../../layout/cache-dtype.ts';
import type { Sequence } from '../backend.ts';
import type { CpuSequence } from '../cpu.ts';
import type { GpuSide } from './gpu-copy.ts';
import { isGpuFailure } from '../../device/guard.ts';

/** What a sequence asks of its backend. */
export interface SequenceHost {
  /** The GPU, if there is one now. */
  readonly gpu: GpuSide | undefined;
  /**
   * The GPU if it is to compute the next step of `owner`, which has `context` tokens and `pending`
   * ones to come; may begin to open one.
   */
  gpuFor(owner: object, pending: number, context: number): GpuSide | undefined;
  /** Lets a GPU go that has failed. */
  drop(gpu: GpuSide, reason: string): void;
}

/**
 * A sequence that either side computes. The CPU's factors are the truth and always complete; the
 * GPU's are a copy, made when a step is to run there. Whatever goes wrong with the GPU, the CPU does
 * the same step.
 */
export class DispatchSequence implements Sequence {
  readonly #host: SequenceHost;
  readonly #cpu: CpuSequence;
  #isDisposed = false;

  constructor(host: SequenceHost, cpu: CpuSequence) {
    this.#host = host;
    this.#cpu = cpu;
  }

  get length(): number {
    return this.#cpu.length;
  }

  get byteLength(): number {
    return this.#cpu.byteLength;
  }

  get cacheDtype(): CacheDtype {
    return this.#cpu.cacheDtype;
  }

  get lengths(): readonly number[] {
    return this.#cpu.lengths;
  }

  async forward(
    ids: readonly number[],
    rows: 'last' | 'all' = 'last',
    row?: Float32Array,
    isCancelled?: () => boolean,
  ): Promise<Float32Array> {
    const logits = await this.#onGpu(ids, rows, async (read) => read);
    return logits ?? this.#cpu.forward(ids, rows, row, isCancelled);
  }

  /** Logits that a GPU has computed come back whole, and are scored by the kernel. */
  async score(
    ids: readonly number[],
    next: readonly number[],
    isCancelled?: () => boolean,
  ): Promise<Float32Array> {
    const scores = await this.#onGpu(ids, 'all', (logits, count) =>
      this.#cpu.scoreLogits(logits, next.slice(0, count)),
    );
    return scores ?? this.#cpu.score(ids, next, isCancelled);
  }

  truncate(length: number): void {
    this.#cpu.truncate(length);
    this.#host.gpu?.findCopy(this)?.truncate(this.#cpu.length);
  }

  savePiece(piece: number, target: Uint8Array, cacheDtype?: CacheDtype): Promise<number> {
    return this.#cpu.savePiece(piece, target, cacheDtype);
  }

  fork(): Sequence {
    return new DispatchSequence(this.#host, this.#cpu.fork());
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#cpu.dispose();
    this.#host.gpu?.findCopy(this)?.dispose();
  }

  /**
   * @param use makes of the logits of so many tokens what is wanted, before these are appended
   * @returns undefined if the CPU is to compute the step: no GPU is wanted, or it failed
   */
  async #onGpu(
    ids: readonly number[],
    rows: 'last' | 'all',
    use: (logits: Float32Array, count: number) => Promise<Float32Array>,
  ): Promise<Float32Array | undefined> {
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the session is disposed');
    const gpu = this.#host.gpuFor(this, ids.length, this.length);
    if (gpu === undefined) return undefined;
    const copy = gpu.copyOf(this);
    let step;
    try {
      step = await copy.step(this.#cpu, ids, rows);
    } catch (error) {
      if (!(error instanceof TpaError)) throw error;
      if (isGpuFailure(error)) this.#host.drop(gpu, error.message);
      return undefined; // where the CPU's part failed, its own step throws the same
    }
    const numbers = await use(step.logits, step.count);
    await this.#cpu.loadFactors(step.factors);
    copy.commit(this.#cpu.length);
    return numbers;
  }
}
