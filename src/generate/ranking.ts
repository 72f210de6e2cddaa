/**
 * Hands out ids from the best to the worst, by (score descending, id ascending): building it costs
 * O(n), each id O(log n), so that a top-k or top-p cut never sorts a whole vocabulary.
 */
export class Ranking {
  readonly #scores: Float64Array;
  readonly #heap: Int32Array;
  #size: number;

  /**
   * @param scores (n), read through the ranking's life; ids scored -Infinity are left out
   * @param heap (n), what it works in
   */
  constructor(scores: Float64Array, heap: Int32Array) {
    this.#scores = scores;
    this.#heap = heap;
    let size = 0;
    for (let id = 0; id < scores.length; id++) {
      if (scores[id]! > -Infinity) this.#heap[size++] = id;
    }
    this.#size = size;
    for (let root = (size >>> 1) - 1; root >= 0; root--) this.#sink(root);
  }

  /** Ids not handed out yet. */
  get size(): number {
    return this.#size;
  }

  /** Removes and returns the best id left; `undefined` when none is. */
  take(): number | undefined {
    if (this.#size === 0) return undefined;
    const best = this.#heap[0]!;
    this.#heap[0] = this.#heap[--this.#size]!;
    this.#sink(0);
    return best;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const id = heap[start]!;
    let root = start;
    for (;;) {
      let child = 2 * root + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#isBetter(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBetter(heap[child]!, id)) break;
      heap[root] = heap[child]!;
      root = child;
    }
    heap[root] = id;
  }

  #isBetter(a: number, b: number): boolean {
    const difference = this.#scores[a]! - this.#scores[b]!;
    return difference > 0 || (difference === 0 && a < b);
  }
}
