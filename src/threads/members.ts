import { type Control, insideWord } from './control.ts';

/** A thread as the one that leads knows it. */
export interface Member {
  /** 1 … */
  readonly lane: number;
  end(): void;
}

/** The threads of a pool beside the one that leads. */
export class Members {
  /** Called when one is lost. */
  onLost: (reason: string) => void = () => {};
  readonly #control: Control;
  readonly #threads = new Map<number, Member>();

  constructor(control: Control) {
    this.#control = control;
  }

  /** How many have a lane below this one. */
  count(lanes: number): number {
    let count = 0;
    for (const lane of this.#threads.keys()) if (lane < lanes) count++;
    return count;
  }

  add(thread: Member): void {
    this.#threads.set(thread.lane, thread);
  }

  /** One is gone by itself. */
  remove(lane: number, reason: string): void {
    if (!this.#threads.delete(lane)) return;
    Atomics.store(this.#control.words, insideWord(lane), 0);
    this.onLost(reason);
  }

  /** Ends those from a lane on. */
  endFrom(first: number): void {
    for (const [lane, thread] of this.#threads) {
      if (lane < first) continue;
      this.#threads.delete(lane);
      thread.end();
    }
  }

  /** Waits until no thread is in such a program; those that still are when the time is over are lost. */
  awaitOut(isMeant: (epoch: number) => boolean, milliseconds: number): void {
    const isIn = (lane: number): boolean => {
      const epoch = Atomics.load(this.#control.words, insideWord(lane));
      return epoch !== 0 && isMeant(epoch);
    };
    const began = performance.now();
    while ([...this.#threads.keys()].some(isIn)) {
      if (performance.now() - began <= milliseconds) continue;
      for (const [lane, thread] of this.#threads) {
        if (!isIn(lane)) continue;
        thread.end();
        this.remove(lane, `thread ${lane} gave no answer`);
      }
      return;
    }
  }
}
