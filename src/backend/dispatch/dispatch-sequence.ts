import { TpaError } from '../../base/errors.ts';
import { yieldMacrotask } from '../../base/time.ts';
import type { Sequence } from '../backend.ts';
import type { CpuSequence } from '../cpu.ts';
import type { GpuSide } from './gpu-side.ts';
import { isGpuFailure } from '../../device/guard.ts';

/** What a sequence asks of its backend. */
export interface SequenceHost {
  /** Tokens of a step of the CPU at most. */
  readonly cpuChunk: number;
  /** The GPU, if there is one now. */
  readonly gpu: GpuSide | undefined;
  /** Of so many tokens to come after `context`, how many the side that will compute them takes. */
  chunkOf(owner: object, pending: number, context: number): number;
  /** The GPU if it is to compute this step of `owner`; may begin to open one. */
  gpuFor(owner: object, tokens: number, context: number): GpuSide | undefined;
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

  async forward(ids: readonly number[], rows: 'last' | 'all' = 'last'): Promise<Float32Array> {
    this.#checkAlive();
    const gpu = this.#host.gpuFor(this, ids.length, this.length);
    const logits = gpu && (await this.#onGpu(gpu, ids, rows));
    return logits ?? this.#onCpu(ids, rows);
  }

  chunkOf(pending: number): number {
    return this.#host.chunkOf(this, pending, this.length);
  }

  truncate(length: number): void {
    this.#cpu.truncate(length);
    this.#host.gpu?.findCopy(this)?.truncate(this.#cpu.length);
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

  /** @returns undefined if the CPU has to do it */
  async #onGpu(
    gpu: GpuSide,
    ids: readonly number[],
    rows: 'last' | 'all',
  ): Promise<Float32Array | undefined> {
    const copy = gpu.copyOf(this);
    let step;
    try {
      step = await copy.step(this.#cpu, ids, rows);
    } catch (error) {
      if (!(error instanceof TpaError)) throw error;
      if (isGpuFailure(error)) this.#host.drop(gpu, error.message);
      return undefined; // what the CPU could not do for the GPU it says again
    }
    await this.#cpu.loadFactors(step.factors);
    copy.commit(this.#cpu.length);
    return step.logits;
  }

  /** In pieces that the CPU takes, where the GPU was to take more at once. */
  async #onCpu(ids: readonly number[], rows: 'last' | 'all'): Promise<Float32Array> {
    const { cpuChunk } = this.#host;
    const { length } = this;
    const logits: Float32Array[] = [];
    try {
      for (let start = 0; start < ids.length; start += cpuChunk) {
        if (start > 0) await yieldMacrotask();
        logits.push(await this.#cpu.forward(ids.slice(start, start + cpuChunk), rows));
      }
    } catch (error) {
      const isDisposed = error instanceof TpaError && error.code === 'DISPOSED';
      if (!isDisposed && this.length > length) this.truncate(length);
      throw error;
    }
    return rows === 'last' || logits.length === 1 ? logits.at(-1)! : joined(logits);
  }

  #checkAlive(): void {
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the session is disposed');
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
