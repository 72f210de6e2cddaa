import { type Control, insideWord, leavingWord } from './control.ts';

/** A look at the clock that comes later than this tells of a machine that slept, not of a thread. */
const AWAKE_MS = 50;

/** A thread as the one that leads knows it. */
export interface Member {
  /** 1 … */
  readonly lane: number;
  end(): void;
}

/** The threads of a pool beside the one that leads. */
export class Members {
  /** Called when one is lost that took part. */
  onLost: (reason: string) => void = () => {};
  readonly #control: Control;
  /** Those that have been started, by lane. */
  readonly #threads = new Map<number, Member>();
  /** Lanes of those that take part. */
  readonly #ready = new Set<number>();
  #left = 0;

  constructor(control: Control) {
    this.#control = control;
  }

  /** How many that took part have left so far. */
  get left(): number {
    return this.#left;
  }

  /** Lanes up to the last that takes part, that of the one that leads included. */
  get lanes(): number {
    return 1 + Math.max(0, ...this.#ready);
  }

  /** How many take part with a lane below this one. */
  count(lanes: number): number {
    let count = 0;
    for (const lane of this.#ready) if (lane < lanes) count++;
    return count;
  }

  /** One has been started. */
  add(thread: Member): void {
    Atomics.store(this.#control.words, leavingWord(thread.lane), 0);
    this.#threads.set(thread.lane, thread);
  }

  /** One takes part from now on, unless it has been ended. @returns whether it does */
  begin(lane: number): boolean {
    if (!this.#threads.has(lane)) return false;
    this.#ready.add(lane);
    return true;
  }

  /** One is gone by itself. */
  remove(lane: number, reason: string): void {
    if (this.#forget(lane)) this.onLost(reason);
  }

  /** Ends those from a lane on, also those that have not begun. */
  endFrom(first: number): void {
    for (const [lane, thread] of this.#threads) {
      if (lane < first) continue;
      this.#forget(lane);
      thread.end();
    }
  }

  /** Waits until no thread is in such a program; those that still are when the time is over are lost. */
  awaitOut(isMeant: (epoch: number) => boolean, milliseconds: number): void {
    const isIn = (lane: number): boolean => {
      const epoch = Atomics.load(this.#control.words, insideWord(lane));
      return epoch !== 0 && isMeant(epoch);
    };
    const patience = new Patience(milliseconds);
    while ([...this.#ready].some(isIn)) {
      if (!patience.isOver()) continue;
      for (const lane of [...this.#ready].filter(isIn)) {
        const thread = this.#threads.get(lane);
        this.remove(lane, `thread ${lane} gave no answer`);
        thread?.end();
      }
    }
  }

  /** @returns whether it took part */
  #forget(lane: number): boolean {
    this.#threads.delete(lane);
    if (!this.#ready.delete(lane)) return false;
    this.#left++;
    Atomics.store(this.#control.words, insideWord(lane), 0);
    return true;
  }
}

/** Time to wait. A machine or a page that sleeps meanwhile, and its threads with it, spends none. */
export class Patience {
  readonly #milliseconds: number;
  #spent = 0;
  #last = performance.now();

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Looks at the clock. */
  isOver(): boolean {
    const now = performance.now();
    this.#spent += Math.min(now - this.#last, AWAKE_MS);
    this.#last = now;
    return this.#spent > this.#milliseconds;
  }
}
