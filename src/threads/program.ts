import type { Kernels } from '../wasm/kernels.ts';
import { type Argument, OPERATIONS, type Operation } from './operations.ts';

/*
 * A program as numbers, so that threads read it from shared memory: of each operation a header, its
 * arguments, then for each argument that moves its place and its three factors (operations.ts).
 */

const [NEXT, KERNEL, UNITS, COST, COUNT, MOVING, HEADER] = [0, 1, 2, 3, 4, 5, 6];
/** Place, and factors of first, count and lane. */
const MOVE = 4;

const PLACES: ReadonlyMap<Operation, number> = new Map(OPERATIONS.map((name, i) => [name, i]));

/** Threads that run a program at most, the one that leads included. */
export const MAX_THREADS = 64;
/** No range is shorter than one of so many: 16 threads get two each. */
const MOST_RANGES = 32;
/** Multiply-adds that no range exceeds, unless a unit does: 2 ms where 2 G are computed a second. */
export const RANGE_COST = 1 << 22;

/** Operations in order, each after the one before it has ended. */
export class Program {
  #words = new Float64Array(1 << 12);
  #length = 0;
  #count = 0;
  #cost = 0;

  /** The numbers of all operations. */
  get words(): Float64Array {
    return this.#words.subarray(0, this.#length);
  }

  /** Operations. */
  get count(): number {
    return this.#count;
  }

  /** Multiply-adds, roughly. */
  get cost(): number {
    return this.#cost;
  }

  /** Forgets all operations. */
  clear(): void {
    this.#length = 0;
    this.#count = 0;
    this.#cost = 0;
  }

  /** @param cost multiply-adds of a unit, roughly; what costs nothing would make endless ranges */
  add(name: Operation, units: number, cost: number, args: readonly Argument[]): void {
    const at = this.#length;
    this.#reserve(at + HEADER + args.length * (1 + MOVE));
    const words = this.#words;
    words[at + KERNEL] = PLACES.get(name)!;
    words[at + UNITS] = units;
    words[at + COST] = Math.max(1, cost);
    words[at + COUNT] = args.length;
    let move = at + HEADER + args.length;
    let moving = 0;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      if (typeof arg !== 'object') {
        words[at + HEADER + i] = Number(arg);
        continue;
      }
      const { at: base, perFirst = 0, perCount = 0, perLane = 0 } = arg;
      words[at + HEADER + i] = base;
      words[move] = i;
      words[move + 1] = perFirst;
      words[move + 2] = perCount;
      words[move + 3] = perLane;
      move += MOVE;
      moving++;
    }
    words[at + MOVING] = moving;
    words[at + NEXT] = move;
    this.#length = move;
    this.#count++;
    this.#cost += units * cost;
  }

  #reserve(length: number): void {
    if (length <= this.#words.length) return;
    const words = new Float64Array(2 * length);
    words.set(this.#words);
    this.#words = words;
  }
}

/** Where the operation after the one at `at` begins. */
export function nextAt(words: Float64Array, at: number): number {
  return words[at + NEXT]!;
}

export function unitsAt(words: Float64Array, at: number): number {
  return words[at + UNITS]!;
}

/** Multiply-adds of a unit, roughly. */
export function costAt(words: Float64Array, at: number): number {
  return words[at + COST]!;
}

/**
 * Units of a range when several threads claim them: a share of those that are left, so that ranges
 * are long first, which read a weight 1.4 times as fast as many of one panel, and short at the end,
 * where threads would wait for the last.
 *
 * @param left units
 * @param shares into which they are cut
 * @param claimCost multiply-adds that are worth a claim
 */
export function rangeAt(
  words: Float64Array,
  at: number,
  left: number,
  shares: number,
  claimCost: number,
): number {
  const [units, cost] = [unitsAt(words, at), costAt(words, at)];
  const least = Math.max(Math.ceil(claimCost / cost), Math.ceil(units / MOST_RANGES));
  return Math.min(left, longestRange(cost), Math.max(least, Math.floor(left / shares)));
}

/** Units of a range at most. */
export function longestRange(cost: number, rangeCost = RANGE_COST): number {
  return Math.max(1, Math.floor(rangeCost / cost));
}

/** Room for the arguments of a call, by their number. */
const rooms: number[][] = [];

/** Runs units first … first + count of the operation at `at`, with the scratch of a lane. */
export function runRange(
  kernels: Kernels,
  words: Float64Array,
  at: number,
  first: number,
  count: number,
  lane: number,
): void {
  const length = words[at + COUNT]!;
  const from = at + HEADER;
  const args = (rooms[length] ??= Array<number>(length).fill(0));
  for (let i = 0; i < length; i++) args[i] = words[from + i]!;
  const moves = from + length;
  const end = moves + words[at + MOVING]! * MOVE;
  for (let move = moves; move < end; move += MOVE) {
    const [perFirst, perCount, perLane] = [words[move + 1]!, words[move + 2]!, words[move + 3]!];
    args[words[move]!]! += first * perFirst + count * perCount + lane * perLane;
  }
  const kernel = kernels[OPERATIONS[words[at + KERNEL]!]!] as (...args: number[]) => void;
  kernel(...args);
}
