/** Of the slots at most so many are taken: 1.5 probes a look-up. */
const MAX_LOAD = 0.5;

/** The memory of a table, which another thread may go on with. */
export interface TableParts {
  /** Units, starts, numbers, slots and places. */
  readonly arrays: readonly [
    Uint16Array<ArrayBuffer>,
    Uint32Array<ArrayBuffer>,
    Int32Array<ArrayBuffer>,
    Uint32Array<ArrayBuffer>,
    Uint32Array<ArrayBuffer>,
  ];
  /** End, size, longest text and salt. */
  readonly counts: readonly [number, number, number, number];
}

/**
 * Texts with a number each, in typed arrays. The 50,257 tokens of GPT-2 take 2 MB, whatever runs it; in
 * a Map they take three times that, and as long as they are also the keys of an object that was
 * JSON, twelve times.
 *
 * A text is open while its units are pushed: it can be looked up, whole or in parts, before it is
 * closed or dropped. No string is made of it.
 */
export class TextTable {
  /** All texts one after the other, then the open one. */
  #units = new Uint16Array(2 ** 12);
  /** Where each text begins, and at last the open one. */
  #starts = new Uint32Array(2 ** 9);
  #numbers = new Int32Array(2 ** 9);
  /** The text in each slot, counted from 1; 0 in an empty one. */
  #slots = new Uint32Array(2 ** 10);
  #end = 0;
  #size = 0;
  #maxLength = 0;
  /** The text of each number, counted from 1. */
  #places = new Uint32Array();
  // Not known to a file that would have all its texts fall into one slot.
  #salt = Math.floor(Math.random() * 2 ** 31) | 1;

  /** The table that had these parts. */
  static fromParts({ arrays, counts }: TableParts): TextTable {
    const table = new TextTable();
    [table.#units, table.#starts, table.#numbers, table.#slots, table.#places] = arrays;
    [table.#end, table.#size, table.#maxLength, table.#salt] = counts;
    return table;
  }

  /** Its own memory, not a copy. */
  toParts(): TableParts {
    return {
      arrays: [this.#units, this.#starts, this.#numbers, this.#slots, this.#places],
      counts: [this.#end, this.#size, this.#maxLength, this.#salt],
    };
  }

  /** Texts, those included that were deleted. */
  get size(): number {
    return this.#size;
  }

  /** UTF-16 units of the longest text. */
  get maxLength(): number {
    return this.#maxLength;
  }

  /** Adds a text; one that is there gets another number. */
  set(text: string, number: number): void {
    this.#open(text);
    this.close(number);
  }

  get(text: string): number | undefined {
    if (text.length > this.#maxLength) return undefined;
    this.#open(text);
    const number = this.find(0, text.length);
    this.drop();
    return number;
  }

  has(text: string): boolean {
    return this.get(text) !== undefined;
  }

  /** Units of the open text. */
  get opened(): number {
    return this.#end - this.#starts[this.#size]!;
  }

  /** Adds a unit to the open text. */
  push(unit: number): void {
    if (this.#end === this.#units.length) this.#units = grown(this.#units);
    this.#units[this.#end++] = unit;
  }

  /** The first place of a unit in the open text; -1 if it has none. */
  placeOf(unit: number): number {
    const start = this.#starts[this.#size]!;
    for (let at = start; at < this.#end; at++) if (this.#units[at] === unit) return at - start;
    return -1;
  }

  /** Takes a unit out of the open text. */
  remove(place: number): void {
    const at = this.#starts[this.#size]! + place;
    this.#units.copyWithin(at, at + 1, this.#end--);
  }

  /** The number of a part of the open text. */
  find(from: number, to: number): number | undefined {
    const start = this.#starts[this.#size]!;
    const text = this.#slots[this.#slotOf(start + from, start + to)]!;
    const number = text === 0 ? -1 : this.#numbers[text - 1]!;
    return number < 0 ? undefined : number;
  }

  /** Forgets the open text. */
  drop(): void {
    this.#end = this.#starts[this.#size]!;
  }

  /** Adds the open text, or gives it another number where it is there. */
  close(number: number): void {
    const start = this.#starts[this.#size]!;
    let slot = this.#slotOf(start, this.#end);
    const known = this.#slots[slot]!;
    if (known > 0) {
      this.#numbers[known - 1] = number;
      return this.drop();
    }
    this.#maxLength = Math.max(this.#maxLength, this.#end - start);
    if (this.#size + 2 > this.#starts.length) {
      this.#starts = grown(this.#starts);
      this.#numbers = grown(this.#numbers);
    }
    if (this.#size >= MAX_LOAD * this.#slots.length) {
      this.#spread();
      slot = this.#slotOf(start, this.#end);
    }
    this.#numbers[this.#size++] = number;
    this.#slots[slot] = this.#size;
    this.#starts[this.#size] = this.#end;
  }

  /**
   * Lets go of memory that is left over, and makes texts known by their numbers.
   *
   * @returns whether no two texts have the same one
   */
  seal(): boolean {
    this.#units = this.#units.slice(0, this.#end + this.#maxLength);
    this.#starts = this.#starts.slice(0, this.#size + 2);
    this.#numbers = this.#numbers.slice(0, this.#size + 1);
    const most = this.#numbers.subarray(0, this.#size).reduce((a, b) => Math.max(a, b), -1);
    this.#places = new Uint32Array(most + 1);
    for (let at = 0; at < this.#size; at++) {
      const number = this.#numbers[at]!;
      if (this.#places[number] !== 0) return false;
      this.#places[number] = at + 1;
    }
    return true;
  }

  /** The highest number + 1 of a sealed table. */
  get limit(): number {
    return this.#places.length;
  }

  /** Units of the text of a number; 0 where none has it. */
  lengthOf(number: number): number {
    const place = this.#places[number] ?? 0;
    return place === 0 ? 0 : this.#starts[place]! - this.#starts[place - 1]!;
  }

  /** A unit of the text of a number, counted from its end where negative. */
  unitOf(number: number, at: number): number {
    const place = this.#places[number]!;
    return this.#units[this.#starts[at < 0 ? place : place - 1]! + at]!;
  }

  /** The text of a number; undefined where none has it. */
  textOf(number: number): string | undefined {
    const place = this.#places[number] ?? 0;
    if (place === 0) return undefined;
    let text = '';
    const end = this.#starts[place]!;
    for (let at = this.#starts[place - 1]!; at < end; at++) {
      text += String.fromCharCode(this.#units[at]!);
    }
    return text;
  }

  /** Forgets the text of a number of a sealed table. */
  delete(number: number): void {
    const place = this.#places[number]!;
    this.#numbers[place - 1] = -1;
    this.#places[number] = 0;
  }

  #open(text: string): void {
    for (let i = 0; i < text.length; i++) this.push(text.charCodeAt(i));
  }

  /** Where the text of some units is, or where it would be. */
  #slotOf(start: number, end: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash(start, end) & mask; ; slot = (slot + 1) & mask) {
      const text = this.#slots[slot]!;
      if (text === 0 || this.#isText(text - 1, start, end)) return slot;
    }
  }

  #isText(text: number, start: number, end: number): boolean {
    const units = this.#units;
    let at = this.#starts[text]!;
    if (this.#starts[text + 1]! - at !== end - start) return false;
    for (let i = start; i < end; i++) if (units[i] !== units[at++]) return false;
    return true;
  }

  #hash(start: number, end: number): number {
    let hash = end - start;
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ this.#units[i]!, this.#salt);
      hash ^= hash >>> 15;
    }
    return Math.imul(hash, 0x2c1b3c6d) >>> 7;
  }

  /** Into twice as many slots. */
  #spread(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length);
    for (let text = 0; text < this.#size; text++) {
      this.#slots[this.#slotOf(this.#starts[text]!, this.#starts[text + 1]!)] = text + 1;
    }
  }
}

function grown<T extends Uint16Array | Uint32Array | Int32Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(2 * array.length);
  larger.set(array);
  return larger;
}
