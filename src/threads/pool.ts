import type { Kernels } from '../wasm/kernels.ts';
import {
  CLAIM_COST,
  claimedCounter,
  Control,
  COUNTS,
  EPOCH,
  IDLE,
  LANES,
  leavingWord,
  MAX_OPERATIONS,
  MAX_WORDS,
  type SharedProgram,
  TRAPPED,
} from './control.ts';
import { costAt, nextAt, type Program, RANGE_COST, runRange, unitsAt } from './program.ts';
import { runAlone } from './alone.ts';
import { Members, Patience } from './members.ts';
import { claim, nap, tellDone } from './thread.ts';

/** A thread that holds a range for so long without an end is lost: most ranges take 1 ms. */
const LOST_MS = 2_000;
/** Multiply-adds a millisecond of the slowest machine: a unit that is large has so much longer. */
const SLOWEST = 1e5;
/** Of that time, what the others have to leave a program in which a thread hangs. */
const LEAVE = 1 / 20;
/** Loads between two looks at the clock, about 0.1 ms. */
const SPINS = 1 << 16;

/** Multiply-adds of the smallest program that threads are told of, which costs 2 µs: 20 µs. */
const LEAST_COST = 1 << 18;
/** Multiply-adds that are worth a claim of 0.1 µs: 3 to 5 µs. */
const LEAST_CLAIM = 1 << 16;

/** What tests change. */
export interface PoolOptions {
  /** Milliseconds after which a thread that holds a range is lost. */
  readonly lostMs?: number | undefined;
  /** Multiply-adds of the smallest program that threads take part in. */
  readonly leastCost?: number;
  /** Multiply-adds that are worth a claim. */
  readonly claimCost?: number;
}

/** How a program ended on several threads: all is done, a kernel trapped, a thread has left or hangs. */
type Outcome = 'done' | 'trapped' | 'left' | 'hangs';

/**
 * Threads that run programs together with the one that calls. It does not wait for a thread that has
 * not begun, and where one is lost within a program the others run it again from its beginning.
 */
export class ThreadPool {
  readonly control = new Control();
  /** Threads that are to be started, the one that leads included. */
  readonly size: number;
  readonly members = new Members(this.control);
  readonly #lostMs: number;
  readonly #leastCost: number;
  #lanes = 1;
  #epoch = 0;
  #isOpen = false;

  /**
   * @param size threads at most, the one that leads included
   */
  constructor(
    size: number,
    { lostMs = LOST_MS, leastCost = LEAST_COST, claimCost = LEAST_CLAIM }: PoolOptions = {},
  ) {
    this.size = size;
    this.#lostMs = lostMs;
    this.#leastCost = leastCost;
    this.control.words[CLAIM_COST] = claimCost;
    this.lanes = 1;
  }

  /** Threads that compute. */
  get threads(): number {
    return 1 + this.members.count(this.#lanes);
  }

  /** Lanes that take part once they have started, 1 … size: each needs scratch. */
  get lanes(): number {
    return this.#lanes;
  }

  set lanes(lanes: number) {
    this.#lanes = lanes;
    Atomics.store(this.control.words, LANES, lanes);
  }

  /** Ends the threads beyond so many, the one that leads included. */
  keep(lanes: number): void {
    this.lanes = lanes;
    this.#dismiss(lanes);
  }

  /** Ends all threads; what they have done is left as it is. Idempotent. */
  dispose(): void {
    this.#close();
    this.#dismiss(0);
  }

  /**
   * Runs a program. Pauses where the caller may turn to something else, and abandon it.
   *
   * @throws what a kernel throws
   */
  *run(kernels: Kernels, program: Program): Generator<void, void> {
    let outcome: Outcome = 'left';
    while (outcome !== 'done' && outcome !== 'trapped' && this.#canShare(program)) {
      outcome = yield* this.#attempt(kernels, program);
    }
    if (outcome !== 'done') yield* runAlone(kernels, program);
  }

  /** Lets threads from a lane on leave, then ends them: Deno may wait for ever for one ended asleep. */
  #dismiss(first: number): void {
    const { words } = this.control;
    for (let lane = first; lane < this.size; lane++) Atomics.store(words, leavingWord(lane), 1);
    if (!this.#isOpen) {
      this.#epoch = next(next(this.#epoch)); // nobody sleeps at this number
      Atomics.store(words, EPOCH, this.#epoch);
      Atomics.notify(words, EPOCH);
    }
    this.members.endFrom(first);
  }

  #canShare({ cost, count, words }: Program): boolean {
    const fits = count <= MAX_OPERATIONS && words.length <= MAX_WORDS;
    return this.threads > 1 && cost >= this.#leastCost && fits;
  }

  *#attempt(kernels: Kernels, program: Program): Generator<void, Outcome> {
    const shared = this.#open(program);
    let outcome: Outcome | undefined;
    try {
      outcome = yield* this.#lead(kernels, shared, program.count);
      return outcome;
    } finally {
      this.#close();
      // what another thread still runs must have ended before anything is given back or run again
      const milliseconds = this.#lostMs * (outcome === 'hangs' ? LEAVE : 1);
      if (outcome !== 'done') this.members.awaitOut(() => true, milliseconds);
    }
  }

  /** Hands a program out. */
  #open(program: Program): SharedProgram {
    const { control } = this;
    const epoch = next(this.#epoch);
    // its numbers lie where those of the program before the last were
    const area = Control.area(epoch);
    this.members.awaitOut((inside) => Control.area(inside) === area, this.#lostMs);
    const shared = control.program(epoch);
    shared.words.set(program.words);
    shared.counters.fill(0, 0, claimedCounter(program.count));
    control.words[COUNTS + Control.area(epoch)] = program.count;
    this.#epoch = epoch;
    this.#isOpen = true;
    Atomics.store(control.words, EPOCH, epoch);
    if (Atomics.load(control.words, IDLE) > 0) Atomics.notify(control.words, EPOCH);
    return shared;
  }

  /** Lets nobody begin with the program, nor with another range of it. */
  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#epoch = next(this.#epoch);
    Atomics.store(this.control.words, EPOCH, this.#epoch);
  }

  *#lead(kernels: Kernels, shared: SharedProgram, count: number): Generator<void, Outcome> {
    const { control } = this;
    const { words } = shared;
    const { left } = this.members;
    let cost = 0;
    for (let i = 0, at = 0; i < count; i++, at = nextAt(words, at)) {
      for (;;) {
        const range = claim(control, shared, i, at);
        if (range === undefined) break;
        runRange(kernels, words, at, range[0], range[1], 0);
        tellDone(control, shared, i, at, range[1]);
        cost += range[1] * costAt(words, at);
        if (cost < RANGE_COST) continue;
        cost = 0;
        yield;
      }
      const outcome = yield* this.#awaitDone(shared, i, at, left);
      if (outcome !== 'done') return outcome;
    }
    return 'done';
  }

  /**
   * Waits until all units of an operation are done.
   *
   * @param left how many threads had left when the program was handed out
   */
  *#awaitDone(
    { counters, words }: SharedProgram,
    operation: number,
    at: number,
    left: number,
  ): Generator<void, Outcome> {
    const { control, members } = this;
    const counter = claimedCounter(operation) + 1;
    const units = unitsAt(words, at);
    let last = -1;
    let patience: Patience | undefined;
    for (let spins = 1; ; spins++) {
      const done = Atomics.load(counters, counter);
      if (done === units) return 'done';
      if (spins % SPINS !== 0) continue;
      if (Atomics.load(control.words, TRAPPED) === this.#epoch) return 'trapped';
      if (members.left !== left) return 'left';
      if (done !== last) patience = new Patience(this.#lostMs + costAt(words, at) / SLOWEST);
      else if (patience?.isOver()) return 'hangs';
      last = done;
      yield;
      if (mayWait()) nap(control, counters, counter, units);
    }
  }
}

/** The number after this one, as the words of the pool hold it: it goes round after 2^32. */
function next(epoch: number): number {
  return (epoch + 1) | 0;
}

let canWait: boolean | undefined;

/** Whether this thread may sleep: the main thread of a page may not. */
function mayWait(): boolean {
  if (canWait !== undefined) return canWait;
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    canWait = true;
  } catch {
    canWait = false;
  }
  return canWait;
}
