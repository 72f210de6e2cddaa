import { type AttentionSpec, linearStateNumbers } from '../attention/spec.ts';
import type { Compute } from '../compute/compute.ts';
import type { StateView } from '../compute/linear.ts';
import { bytesOf } from '../layout/numbers.ts';
import { CACHE_SHAPE_BYTES, writeShape } from '../layout/records.ts';

/** States that are kept within a step: the one before, the present, the next. */
const STATES = 3;

/** Bytes that a layer takes before it has seen `tokens` tokens. */
export function statesBytes({ heap }: Compute, spec: AttentionSpec, tokens: number): number {
  const state = heap.regionBytes(bytesOf(linearStateNumbers(spec)));
  return heap.regionBytes(CACHE_SHAPE_BYTES) + Math.min(STATES, tokens) * state;
}

/** Σ k vᵀ of the first `length` tokens, never changed once it is committed; forks share it. */
interface State {
  readonly address: number;
  readonly length: number;
  owners: number;
}

/**
 * One layer of linear attention: a state of constant size in place of a cache that grows. A step
 * writes the next state beside the present one, so that a failed step leaves it as it was; the
 * one before is kept, so that the last step can be taken back.
 */
export class LinearState implements StateView {
  readonly kind = 'state';
  readonly spec: AttentionSpec;
  /** A state is float32 always. */
  readonly dtype = 'f32';
  readonly #compute: Compute;
  readonly #shape: number;
  readonly #bytes: number;
  #present: State | undefined;
  #previous: State | undefined;
  #next = 0;

  /** @throws TpaError `OUT_OF_MEMORY` */
  constructor(compute: Compute, spec: AttentionSpec) {
    this.#compute = compute;
    this.spec = spec;
    this.#shape = compute.heap.allocate(CACHE_SHAPE_BYTES);
    writeShape(compute.heap, this.#shape, spec);
    this.#bytes = bytesOf(linearStateNumbers(spec));
  }

  /** Tokens that count. */
  get length(): number {
    return this.#present?.length ?? 0;
  }

  /** Bytes of the states referred to; a shared one counts in full. */
  get byteLength(): number {
    return this.#states.length * this.#bytes;
  }

  /** Address of the kernels' CacheShape. */
  get shapeAt(): number {
    return this.#shape;
  }

  /** Address of the present state, 0 before the first token. */
  get stateAt(): number {
    return this.#present?.address ?? 0;
  }

  /** Address where a step writes the next state. */
  get nextAt(): number {
    return this.#next;
  }

  /**
   * Makes room for the next state, whatever the number of tokens.
   *
   * @throws TpaError `OUT_OF_MEMORY`; nothing is changed then
   */
  reserve(count: number): void {
    if (count > 0 && this.#next === 0) this.#next = this.#compute.heap.allocate(this.#bytes);
  }

  /** Makes the state that was written, of `count` more tokens, the present one. */
  commit(count: number): void {
    this.#disown(this.#previous);
    this.#previous = this.#present;
    this.#present = { address: this.#next, length: this.length + count, owners: 1 };
    this.#next = 0;
  }

  /** Gives back what was reserved and never committed. */
  trim(): void {
    if (this.#next !== 0) this.#compute.heap.release(this.#next);
    this.#next = 0;
  }

  /**
   * Forgets the tokens from `length` on, and more where no state of that length is kept:
   * what `this.length` says afterwards is left.
   */
  truncate(length: number): void {
    while (this.#present !== undefined && this.#present.length > length) {
      this.#disown(this.#present);
      this.#present = this.#previous;
      this.#previous = undefined;
    }
  }

  /**
   * The same tokens; the states are shared.
   *
   * @throws TpaError `OUT_OF_MEMORY`
   */
  fork(): LinearState {
    const copy = new LinearState(this.#compute, this.spec);
    copy.#present = this.#present;
    copy.#previous = this.#previous;
    for (const state of this.#states) state.owners++;
    return copy;
  }

  /** Tokens of the states that are kept: of the one before and the present one. */
  get lengths(): readonly number[] {
    return this.#states.map(({ length }) => length);
  }

  /** Address of a state, by the place of its length in {@link lengths}. */
  addressOf(index: number): number {
    return this.#states[index]!.address;
  }

  /** Gives every state back; it must not be used again. */
  dispose(): void {
    this.truncate(0);
    this.trim();
    this.#compute.heap.release(this.#shape);
  }

  /** Those that are kept, the older first. */
  get #states(): readonly State[] {
    return [this.#previous, this.#present].filter((state) => state !== undefined);
  }

  #disown(state: State | undefined): void {
    if (state === undefined) return;
    state.owners--;
    if (state.owners === 0) this.#compute.heap.release(state.address);
  }
}
