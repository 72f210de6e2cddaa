import type { Clock } from '../../../src/base/time.ts';

/** Time that passes when it is told to. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly task: () => void }>();

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, task: () => void): () => void {
    const timer = { at: this.#now + milliseconds, task };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Lets so many milliseconds pass; timers that are due run in their order. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].toSorted((a, b) => a.at - b.at);
      if (next === undefined || next.at > until) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
    }
    this.#now = until;
  }

  /** Lets time pass until the next timer has run. */
  runNext(): void {
    const next = Math.min(...[...this.#timers].map(({ at }) => at));
    if (Number.isFinite(next)) this.advance(next - this.#now);
  }
}
