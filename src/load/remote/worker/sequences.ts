import type { Backend, Sequence } from '../../../backend/backend.ts';
import type { StepAsk } from '../protocol.ts';

/** Gives a sequence, or throws why there is none. */
type Slot = () => Sequence;

/**
 * The sequences of a caller by their numbers. Nobody waits for one to be made: where there is no
 * memory for it, its first step says so.
 */
export class Sequences {
  readonly #backend: Backend;
  readonly #slots = new Map<number, Slot>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  create(number: number): void {
    this.#put(number, () => this.#backend.createSequence());
  }

  fork(number: number, from: number): void {
    this.#put(number, () => this.#get(from).fork());
  }

  truncate(number: number, length: number): void {
    this.#get(number).truncate(length);
  }

  dispose(number: number): void {
    const slot = this.#slots.get(number);
    this.#slots.delete(number);
    slot?.().dispose();
  }

  /** @throws as the backend's sequences, and what making this one threw */
  async step(
    { sequence: number, ids, row, want }: StepAsk,
    isCancelled: () => boolean,
  ): Promise<{ numbers: Float32Array; length: number }> {
    const sequence = this.#get(number);
    const plain = [...ids];
    const numbers = await (typeof want === 'string'
      ? sequence.forward(plain, want, row, isCancelled)
      : sequence.score(plain, [...want], isCancelled));
    return { numbers, length: sequence.length };
  }

  #get(number: number): Sequence {
    return this.#slots.get(number)!();
  }

  #put(number: number, make: () => Sequence): void {
    try {
      const sequence = make();
      this.#slots.set(number, () => sequence);
    } catch (error) {
      this.#slots.set(number, () => {
        throw error;
      });
    }
  }
}
