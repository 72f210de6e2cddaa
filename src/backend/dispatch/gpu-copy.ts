import { TpaError } from '../../base/errors.ts';
import type { FactorSequence, GpuBackend } from '../backend.ts';
import type { Guard } from '../../device/guard.ts';
import { areFinite, areZeros } from '../../device/judge.ts';
import type { Losable } from '../../device/supervisor.ts';
import type { Figures } from './cost-model.ts';

/** Tokens whose factors go to the GPU in one message: 4.8 MB of T6-small's, 18.8 KB each. */
const FACTOR_PIECE = 256;

/** A GPU that has passed its check, and its copies of sequences, which live as long as it does. */
export class GpuSide implements Losable {
  readonly guard: Guard<GpuBackend>;
  /** What steps are routed by; undefined where every step goes to the GPU. */
  readonly figures: Figures | undefined;
  readonly #tokenNumbers: number;
  readonly #copies = new WeakMap<object, GpuCopy>();

  /** @param tokenNumbers of the factors of one token in all layers */
  constructor(guard: Guard<GpuBackend>, tokenNumbers: number, figures?: Figures) {
    this.guard = guard;
    this.figures = figures;
    this.#tokenNumbers = tokenNumbers;
  }

  get lost(): Promise<string> {
    return this.guard.lost;
  }

  /** The copy of a sequence, if there is one. */
  findCopy(owner: object): GpuCopy | undefined {
    return this.#copies.get(owner);
  }

  /** The copy of a sequence, empty if there was none. */
  copyOf(owner: object): GpuCopy {
    const found = this.#copies.get(owner);
    if (found !== undefined) return found;
    const copy = new GpuCopy(this.guard, this.#tokenNumbers);
    this.#copies.set(owner, copy);
    return copy;
  }

  dispose(): void {
    this.guard.dispose();
  }
}

/** What one step brings home. */
export interface GpuStep {
  /** Tokens that were evaluated. */
  readonly count: number;
  /** (vocabSize) or (tokens, vocabSize) */
  readonly logits: Float32Array;
  /** (layers, tokens, numbers), of the tokens of the step */
  readonly factors: Float32Array;
}

/** The CPU's side of a copy. */
export type FactorSource = Pick<FactorSequence, 'length' | 'readFactors'>;

/**
 * The GPU's copy of one sequence. It may lack tokens and have outdated ones at its end; `length`
 * tells how many are right, and {@link step} replaces the others.
 */
export class GpuCopy {
  readonly #guard: Guard<GpuBackend>;
  readonly #tokenNumbers: number;
  #sequence: FactorSequence | undefined;
  #isDisposed = false;
  #valid = 0;

  /** @param tokenNumbers of the factors of one token in all layers */
  constructor(guard: Guard<GpuBackend>, tokenNumbers: number) {
    this.#guard = guard;
    this.#tokenNumbers = tokenNumbers;
  }

  /** Tokens of the copy that equal the CPU's. */
  get length(): number {
    return this.#valid;
  }

  /** The CPU has forgotten the tokens from `length` on. */
  truncate(length: number): void {
    this.#valid = Math.min(this.#valid, length);
  }

  /** The CPU has `length` tokens: those of the last step are right too. */
  commit(length: number): void {
    this.#valid = length;
  }

  /**
   * Copies what is missing, then evaluates the first of ids at positions `source.length …`, as many
   * as the GPU takes at once.
   *
   * @throws TpaError `GPU_LOST`, `GPU_OUT_OF_MEMORY`; what `source` throws
   */
  async step(source: FactorSource, ids: readonly number[], rows: 'last' | 'all'): Promise<GpuStep> {
    const guard = this.#guard;
    const { vocabSize, maxChunk } = guard.resource;
    const start = source.length;
    const sequence = await this.sync(source);
    const most = Math.min(ids.length, maxChunk);
    const kind = most === 1 ? 'decode' : `prefill of ${sizeClass(most)}`;
    const logits = await guard.call(kind, () => sequence.forward(ids, rows));
    const count = sequence.length - start;
    this.#check(
      areLogits(logits, rows === 'all' ? count : 1, vocabSize),
      'logits (not finite, or all zero)',
    );
    const factors = await guard.call('read', () => sequence.readFactors(start, count));
    const isWhole = factors.length === count * this.#tokenNumbers;
    this.#check(isWhole && areFinite(factors), 'factors (not finite, or too few)');
    return { count, logits, factors };
  }

  /** Lets the copy go, after the running call if there is one. */
  dispose(): void {
    this.#isDisposed = true;
    const sequence = this.#sequence;
    this.#sequence = undefined;
    if (sequence !== undefined) this.#guard.between(() => sequence.dispose());
  }

  /**
   * Copies what is missing.
   *
   * @returns the sequence on the device, as long as `source`
   * @throws as {@link step}
   */
  async sync(source: FactorSource): Promise<FactorSequence> {
    const guard = this.#guard;
    const sequence = await guard.call('start', async (gpu) => {
      this.#sequence ??= gpu.createSequence();
      if (this.#sequence.length > this.#valid) this.#sequence.truncate(this.#valid);
      this.#valid = Math.min(this.#valid, this.#sequence.length);
      return this.#sequence;
    });
    if (this.#isDisposed) {
      this.dispose(); // the first call came before the sequence was made
      throw new TpaError('DISPOSED', 'the session is disposed');
    }
    while (this.#valid < source.length) {
      const count = Math.min(FACTOR_PIECE, source.length - this.#valid);
      const factors = await source.readFactors(this.#valid, count);
      await guard.call('load', () => sequence.loadFactors(factors));
      this.#valid += count;
    }
    return sequence;
  }

  #check(isRight: boolean, what: string): void {
    if (isRight) return;
    const failure = new TpaError('GPU_LOST', `the GPU returned invalid ${what}`);
    this.#guard.dispose();
    throw failure;
  }
}

/** The next power of two: calls of a class take about the same time. */
function sizeClass(tokens: number): number {
  return 2 ** Math.ceil(Math.log2(tokens));
}

/** (rows, vocabSize) finite numbers, no row of zeros alone: that is what an unwritten buffer gives. */
function areLogits(logits: Float32Array, rows: number, vocabSize: number): boolean {
  if (logits.length !== rows * vocabSize || !areFinite(logits)) return false;
  for (let row = 0; row < rows; row++) {
    if (areZeros(logits.subarray(row * vocabSize, (row + 1) * vocabSize))) return false;
  }
  return true;
}
