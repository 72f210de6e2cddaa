import type { PairTable } from './pair-table.ts';

/** Ranks and places share a double: place + rank * 2^32. */
const PLACES = 2 ** 32;

/**
 * Merges the symbols of one run after another: of all pairs that stand side by side the one of the
 * lowest rank, of equal ones the first, until none is left. A heap finds them in O(n log n), and a
 * call does a bounded piece of it.
 */
export class Merger {
  readonly #pairs: PairTable;
  readonly #blocked: ReadonlySet<number>;
  /** -1 where a symbol was merged into the one before it. */
  #ids = new Int32Array(64);
  #previous = new Int32Array(64);
  #next = new Int32Array(64);
  #heap = new Float64Array(64);
  #heapSize = 0;
  #queued = 0;
  #given = 0;
  /** Symbols of the run. */
  length = 0;

  /** @param blocked ids that nothing is merged into */
  constructor(pairs: PairTable, blocked: ReadonlySet<number>) {
    this.#pairs = pairs;
    this.#blocked = blocked;
  }

  /** Adds a symbol to the run. */
  add(id: number): void {
    if (this.length === this.#ids.length) {
      this.#ids = grown(this.#ids);
      this.#previous = grown(this.#previous);
      this.#next = grown(this.#next);
    }
    this.#ids[this.length++] = id;
  }

  /** The last symbol of the run; -1 of an empty one. */
  get last(): number {
    return this.length === 0 ? -1 : this.#ids[this.length - 1]!;
  }

  /**
   * Goes on merging, then gives the ids and empties the run.
   *
   * @param budget steps that it may take
   * @returns what is left of the budget; 0 where the run may not be done
   */
  work(budget: number, out: number[]): number {
    let left = budget;
    for (; this.#queued < this.length; left--) {
      if (left <= 0) return 0;
      const at = this.#queued++;
      this.#previous[at] = at - 1;
      this.#next[at] = at + 1 < this.length ? at + 1 : -1;
      if (at > 0) this.#queue(at - 1);
    }
    for (; this.#heapSize > 0; left--) {
      if (left <= 0) return 0;
      this.#merge(this.#pop());
    }
    for (; this.#given >= 0 && this.length > 0; left--) {
      if (left <= 0) return 0;
      out.push(this.#ids[this.#given]!);
      this.#given = this.#next[this.#given]!;
    }
    this.length = 0;
    this.#queued = 0;
    this.#given = 0;
    return left;
  }

  #merge(key: number): void {
    const rank = Math.floor(key / PLACES);
    const at = key - rank * PLACES;
    const right = this.#next[at]!;
    if (this.#ids[at] === -1 || right < 0) return;
    // One of the two was merged with another since.
    if (this.#pairs.rankOf(this.#ids[at]!, this.#ids[right]!) !== rank) return;
    const after = this.#next[right]!;
    this.#ids[at] = this.#pairs.idOf(rank);
    this.#ids[right] = -1;
    this.#next[at] = after;
    if (after >= 0) this.#previous[after] = at;
    if (at > 0) this.#queue(this.#previous[at]!);
    this.#queue(at);
  }

  /** Notes the pair that begins at a place, if there is a merge for it. */
  #queue(at: number): void {
    const right = this.#next[at]!;
    if (right < 0) return;
    const rank = this.#pairs.rankOf(this.#ids[at]!, this.#ids[right]!);
    if (rank < 0 || this.#blocked.has(this.#pairs.idOf(rank))) return;
    const key = rank * PLACES + at;
    if (this.#heapSize === this.#heap.length) this.#heap = grown(this.#heap);
    const heap = this.#heap;
    let hole = this.#heapSize++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (heap[parent]! <= key) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = key;
  }

  #pop(): number {
    const heap = this.#heap;
    const top = heap[0]!;
    const size = --this.#heapSize;
    const key = heap[size]!;
    let hole = 0;
    for (let child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= key) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = key;
    return top;
  }
}

function grown<T extends Int32Array | Float64Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(2 * array.length);
  larger.set(array);
  return larger;
}
