import type { Kernels } from '../wasm/kernels.ts';
import {
  claimedCounter,
  Control,
  COUNTS,
  EPOCH,
  IDLE,
  insideWord,
  LANES,
  MAX_OPERATIONS,
  MAX_WORDS,
  type SharedProgram,
  TRAPPED,
} from './control.ts';
import { costAt, nextAt, type Program, RANGE_COST, runRange, unitsAt } from './program.ts';
import { runAlone } from './alone.ts';
import { claim, nap, tellDone } from './thread.ts';

/** A thread that holds a range for so long without an end is lost: most ranges take 1 ms. */
const LOST_MS = 2_000;
/** What those that are not lost have to leave a program that is closed. */
const LEAVE_MS = 100;
/** Loads between two looks at the clock, about 0.1 ms. */
const SPINS = 1 << 16;

/** Multiply-adds of a program that threads take part in: they have to be told, which costs 2 µs. */
const SHARED_COST = 1 << 18;

/** How a program ended on several threads. */
type Outcome = 'done' | 'trapped' | 'lost';

/** A thread as the one that leads knows it. */
export interface PoolThread {
  /** 1 … */
  readonly lane: number;
  end(): void;
}

/**
 * Threads that run programs together with the one that calls. It does not wait for a thread that has
 * not begun, and where one is lost within a program the others run it again from its beginning.
 */
export class ThreadPool {
  readonly control = new Control();
  /** Lanes that there may be: scratch is wanted for so many. */
  readonly size: number;
  /** Called when a thread is lost. */
  onLost: (reason: string) => void = () => {};
  readonly #lostMs: number;
  readonly #threads = new Map<number, PoolThread>();
  #lanes = 1;
  #epoch = 0;
  #isOpen = false;

  /**
   * @param size threads at most, the one that leads included
   * @param lostMs after which a thread that holds a range is lost
   */
  constructor(size: number, lostMs = LOST_MS) {
    this.size = size;
    this.#lostMs = lostMs;
    this.lanes = size;
  }

  /** Threads that compute. */
  get threads(): number {
    let threads = 1;
    for (const lane of this.#threads.keys()) if (lane < this.#lanes) threads++;
    return threads;
  }

  /** Lanes that take part, 1 … size. */
  set lanes(lanes: number) {
    this.#lanes = lanes;
    Atomics.store(this.control.words, LANES, lanes);
  }

  /** A thread that has started. */
  add(thread: PoolThread): void {
    this.#threads.set(thread.lane, thread);
  }

  /** A thread that is gone. */
  remove(lane: number, reason: string): void {
    if (!this.#threads.delete(lane)) return;
    Atomics.store(this.control.words, insideWord(lane), 0);
    this.onLost(reason);
  }

  /** Ends all threads; what they have done is left as it is. Idempotent. */
  dispose(): void {
    this.onLost = () => {};
    this.#close();
    for (const thread of this.#threads.values()) thread.end();
    this.#threads.clear();
  }

  /**
   * Runs a program. Pauses where the caller may turn to something else, and abandon it.
   *
   * @throws what a kernel throws
   */
  *run(kernels: Kernels, program: Program): Generator<void, void> {
    const isWorth = program.cost >= SHARED_COST;
    const fits = isWorth && program.count <= MAX_OPERATIONS && program.words.length <= MAX_WORDS;
    while (fits && this.threads > 1) {
      const outcome = yield* this.#attempt(kernels, program);
      if (outcome === 'done') return;
      if (outcome === 'trapped') break;
    }
    yield* runAlone(kernels, program);
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
      if (outcome !== 'done') this.#awaitLeft(outcome === 'lost' ? LEAVE_MS : this.#lostMs);
    }
  }

  /** Hands a program out. */
  #open(program: Program): SharedProgram {
    const { control } = this;
    const epoch = this.#epoch + 1;
    // its numbers lie where those of the program before the last were
    this.#awaitFree(Control.area(epoch));
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
    this.#epoch++;
    Atomics.store(this.control.words, EPOCH, this.#epoch);
  }

  *#lead(kernels: Kernels, shared: SharedProgram, count: number): Generator<void, Outcome> {
    const { control } = this;
    const { words } = shared;
    const epoch = this.#epoch;
    let cost = 0;
    for (let i = 0, at = 0; i < count; i++, at = nextAt(words, at)) {
      for (;;) {
        const range = claim(shared, i, at);
        if (range === undefined) break;
        runRange(kernels, words, at, range[0], range[1], 0);
        tellDone(control, shared, i, at, range[1]);
        cost += range[1] * costAt(words, at);
        if (cost < RANGE_COST) continue;
        cost = 0;
        yield;
      }
      const outcome = yield* this.#awaitDone(shared, i, unitsAt(words, at), epoch);
      if (outcome !== 'done') return outcome;
    }
    return 'done';
  }

  /** Waits until all units of an operation are done. */
  *#awaitDone(
    { counters }: SharedProgram,
    operation: number,
    units: number,
    epoch: number,
  ): Generator<void, Outcome> {
    const { control } = this;
    const counter = claimedCounter(operation) + 1;
    let last = -1;
    let since = 0;
    for (let spins = 1; ; spins++) {
      const done = Atomics.load(counters, counter);
      if (done === units) return 'done';
      if (spins % SPINS !== 0) continue;
      if (Atomics.load(control.words, TRAPPED) === epoch) return 'trapped';
      const now = performance.now();
      if (done !== last) since = now;
      else if (now - since > this.#lostMs) return 'lost';
      last = done;
      yield;
      if (mayWait()) nap(control, counters, counter, units);
    }
  }

  /** Waits until no thread is in an older program that lay in an area. */
  #awaitFree(area: 0 | 1): void {
    this.#awaitOut((inside) => Control.area(inside) === area, this.#lostMs);
  }

  /** Waits until no thread is in a program. */
  #awaitLeft(milliseconds: number): void {
    this.#awaitOut(() => true, milliseconds);
  }

  /** Waits until no thread is in such a program; those that are for too long are lost. */
  #awaitOut(isMeant: (inside: number) => boolean, milliseconds: number): void {
    const { words } = this.control;
    const isIn = (lane: number): boolean => {
      const inside = Atomics.load(words, insideWord(lane));
      return inside !== 0 && isMeant(inside);
    };
    const began = performance.now();
    while ([...this.#threads.keys()].some(isIn)) {
      if (performance.now() - began <= milliseconds) continue;
      for (const [lane, thread] of this.#threads) if (isIn(lane)) this.#lose(thread);
      return;
    }
  }

  #lose(thread: PoolThread): void {
    thread.end();
    this.remove(thread.lane, `thread ${thread.lane} gave no answer for ${this.#lostMs / 1000} s`);
  }
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
