import type { Backend, IncomingSequence, Sequence } from '../../../backend/backend.ts';
import type { CacheDtype } from '../../../layout/cache-dtype.ts';
import type { StepAsk, WorkerAsks } from '../protocol.ts';

/** Gives a sequence, or throws why there is none. */
type Slot<S> = () => S;

/**
 * The sequences of a caller by their numbers. Nobody waits for one to be made: where there is no
 * memory for it, its first step says so.
 */
export class Sequences {
  readonly #backend: Backend;
  readonly #slots = new Map<number, Slot<Sequence>>();
  /** Those on their way in. */
  readonly #incoming = new Map<number, Slot<IncomingSequence>>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  create(number: number, cacheDtype: CacheDtype): void {
    put(this.#slots, number, () => this.#backend.createSequence(cacheDtype));
  }

  fork(number: number, from: number): void {
    put(this.#slots, number, () => this.#get(from).fork());
  }

  truncate(number: number, length: number): void {
    this.#get(number).truncate(length);
  }

  /** Gives a sequence back, or one on its way in. */
  dispose(number: number): void {
    const slot = this.#slots.get(number) ?? this.#incoming.get(number);
    this.#slots.delete(number);
    this.#incoming.delete(number);
    slot?.().dispose();
  }

  savePiece({ sequence, piece, target, cacheDtype }: WorkerAsks['savePiece']['ask']) {
    return this.#get(sequence).savePiece(piece, target, cacheDtype);
  }

  receive({ sequence, lengths, cacheDtype }: WorkerAsks['receive']['ask']): void {
    put(this.#incoming, sequence, () => this.#backend.receive(lengths, cacheDtype));
  }

  loadPiece({ sequence, piece, crc }: WorkerAsks['loadPiece']['ask']): Promise<void> {
    return this.#incoming.get(sequence)!().write(piece, crc);
  }

  async received(number: number): Promise<void> {
    const sequence = await this.#incoming.get(number)!().end();
    this.#incoming.delete(number);
    put(this.#slots, number, () => sequence);
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
}

function put<S>(slots: Map<number, Slot<S>>, number: number, make: () => S): void {
  try {
    const made = make();
    slots.set(number, () => made);
  } catch (error) {
    slots.set(number, () => {
      throw error;
    });
  }
}
