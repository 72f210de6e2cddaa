import type { Engine } from '../wasm/engine.ts';
import type { Heap } from '../wasm/heap.ts';
import type { Kernels } from '../wasm/kernels.ts';

/** Who runs a range: kernels, and the address of scratch that nobody else uses meanwhile. */
export interface Lane {
  readonly kernels: Kernels;
  readonly scratch: number;
}

/** In front of the scratch a cache line of records: QueryRows of 24 bytes, then FactorRows of 32. */
const FACTORS_AT = 32;
export const RECORD_BYTES = 64;

/**
 * How kernels are called: an operation is so many units that do not depend on each other (panels of
 * a product, heads of an attention, rows of a norm), run as ranges of units. However the units are
 * cut, the bits are the same. Here one thread runs one range after the other; the other files of
 * this room are the operations.
 */
export class Compute {
  readonly engine: Engine;
  readonly #ranges: number;
  #records = 0;
  #activations = { at: 0, bytes: 0 };

  /** @param ranges into how many ranges an operation of so many units is cut */
  constructor(engine: Engine, ranges = 1) {
    this.engine = engine;
    this.#ranges = ranges;
  }

  get heap(): Heap {
    return this.engine.heap;
  }

  /** For what is not cut: copies, and what is small. */
  get kernels(): Kernels {
    return this.engine.kernels;
  }

  /** Runs operations; a trap becomes a TpaError `KERNEL_TRAP`. */
  run<T>(operations: () => T): T {
    return this.engine.run(operations);
  }

  /** Addresses of the records of an operation's queries and factors, the same for all its ranges. */
  get queriesAt(): number {
    return this.#records;
  }

  /** {@link queriesAt} */
  get factorsAt(): number {
    return this.#records + FACTORS_AT;
  }

  /**
   * Takes memory for the records and the scratch of attention.
   *
   * @param bytes of scratch that a range needs at most
   * @returns gives the memory back
   * @throws TpaError `OUT_OF_MEMORY`
   */
  takeScratch(bytes: number): () => void {
    const before = this.#records;
    const taken = this.heap.allocate(RECORD_BYTES + bytes);
    this.#records = taken;
    return () => {
      this.#records = before;
      this.heap.release(taken);
    };
  }

  /**
   * Takes memory for the activations of a product with a quantised weight, which all ranges read.
   *
   * @param bytes of the largest
   * @throws TpaError `OUT_OF_MEMORY`
   */
  takeActivations(bytes: number): void {
    this.#activations = { at: this.heap.allocate(bytes), bytes };
  }

  /**
   * Address of room for the activations of a product.
   *
   * @throws RangeError where nobody took as much
   */
  activationsAt(bytes: number): number {
    const { at, bytes: taken } = this.#activations;
    if (bytes > taken) throw new RangeError(`"bytes" expected at most ${taken}, got ${bytes}`);
    return at;
  }

  /** Runs units 0 … `units` in ranges that differ by one unit at most. */
  split(units: number, run: (lane: Lane, first: number, count: number) => void): void {
    const lane = { kernels: this.kernels, scratch: this.#records + RECORD_BYTES };
    const ranges = Math.min(this.#ranges, units);
    for (let i = 0, first = 0; i < ranges; i++) {
      const end = Math.floor((units * (i + 1)) / ranges);
      run(lane, first, end - first);
      first = end;
    }
  }
}
