import type { Compute } from './compute.ts';

/** Bytes of a hash's state: 16 numbers, of which the last 4 become the result, and 4 zeros. */
export const HASH_BYTES = 80;

/** Hashes of numbers in wasm memory, one after the other: identities, no protection. */
export class Hash {
  readonly #compute: Compute;
  readonly #state: number;
  #count = 0;

  /** @param state address of {@link HASH_BYTES} zeros */
  constructor(compute: Compute, state: number) {
    this.#compute = compute;
    this.#state = state;
  }

  /** Takes the next numbers; where one call ends and the next begins does not show. */
  add(from: number, count: number): void {
    this.#compute.kernels.hash(this.#state, from, this.#count, count);
    this.#count += count;
  }

  /** The hash of the numbers so far, 32 hexadecimal digits; then begins with the next contents. */
  end(): string {
    const { kernels, heap } = this.#compute;
    kernels.hashEnd(this.#state, this.#count);
    const state = heap.words(this.#state, HASH_BYTES / 4);
    const digits = Array.from(state.subarray(12, 16), (word) => word.toString(16).padStart(8, '0'));
    state.fill(0);
    this.#count = 0;
    return digits.join('');
  }
}
