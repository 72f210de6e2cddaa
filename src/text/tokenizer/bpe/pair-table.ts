/** Ids of a pair in a table that is twice as large as what it holds: a lookup takes 1.5 probes. */
export class PairTable {
  readonly #shift: number;
  readonly #mask: number;
  readonly #lefts: Int32Array;
  readonly #rights: Int32Array;
  readonly #ranks: Int32Array;
  readonly #ids: Int32Array;
  // Unknown to a file that would have all its pairs in one place.
  readonly #salt = Math.floor(Math.random() * 2 ** 31) | 1;
  readonly #pepper = Math.floor(Math.random() * 2 ** 31) | 1;

  /** @param count pairs that it will hold at most */
  constructor(count: number) {
    const bits = Math.ceil(Math.log2(2 * count + 2));
    this.#shift = 32 - bits;
    this.#mask = 2 ** bits - 1;
    this.#lefts = new Int32Array(2 ** bits).fill(-1);
    this.#rights = new Int32Array(2 ** bits);
    this.#ranks = new Int32Array(2 ** bits);
    this.#ids = new Int32Array(2 ** bits);
  }

  /** Of a pair that is there twice the last counts. */
  set(left: number, right: number, rank: number, id: number): void {
    const at = this.#slot(left, right);
    this.#lefts[at] = left;
    this.#rights[at] = right;
    this.#ranks[at] = rank;
    this.#ids[at] = id;
  }

  /** Where a pair stands; -1 if it is not there. */
  find(left: number, right: number): number {
    const at = this.#slot(left, right);
    return this.#lefts[at] === -1 ? -1 : at;
  }

  rankAt(slot: number): number {
    return this.#ranks[slot]!;
  }

  idAt(slot: number): number {
    return this.#ids[slot]!;
  }

  #slot(left: number, right: number): number {
    let hash = Math.imul(left, this.#salt) + Math.imul(right, this.#pepper);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let at = hash >>> this.#shift;
    while (this.#lefts[at] !== -1 && (this.#lefts[at] !== left || this.#rights[at] !== right)) {
      at = (at + 1) & this.#mask;
    }
    return at;
  }
}
