/** Left id, right id and new id of a merge. */
export const MERGE_IDS = 3;

/** Merges by the pairs that they join, in a hash table at most half full: some 1.5 probes a look-up. */
export class PairTable {
  readonly #shift: number;
  readonly #mask: number;
  /** The merge in each slot; -1 in an empty one. */
  readonly #slots: Int32Array;
  readonly #merges: Int32Array;
  // Not known to a file that would have all its pairs fall into one place.
  readonly #salt = oddNumber();
  readonly #pepper = oddNumber();

  /** @param merges {@link MERGE_IDS} of each, by their ranks */
  constructor(merges: Int32Array) {
    const count = merges.length / MERGE_IDS;
    const bits = Math.ceil(Math.log2(2 * count + 2));
    this.#shift = 32 - bits;
    this.#mask = 2 ** bits - 1;
    this.#slots = new Int32Array(2 ** bits).fill(-1);
    this.#merges = merges;
  }

  /** Makes a merge known by its pair; of two of one pair the last counts. */
  add(rank: number): void {
    const at = MERGE_IDS * rank;
    this.#slots[this.#slotOf(this.#merges[at]!, this.#merges[at + 1]!)] = rank;
  }

  /** The rank of the merge of a pair; -1 if there is none. */
  rankOf(left: number, right: number): number {
    return this.#slots[this.#slotOf(left, right)]!;
  }

  /** What a merge makes of its pair. */
  idOf(rank: number): number {
    return this.#merges[MERGE_IDS * rank + 2]!;
  }

  #slotOf(left: number, right: number): number {
    const sum = Math.imul(left, this.#salt) + Math.imul(right, this.#pepper);
    let slot = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d) >>> this.#shift;
    for (;;) {
      const rank = this.#slots[slot]!;
      if (rank < 0) return slot;
      if (this.#merges[MERGE_IDS * rank] === left && this.#merges[MERGE_IDS * rank + 1] === right)
        return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}

function oddNumber(): number {
  return Math.floor(Math.random() * 2 ** 31) | 1;
}
