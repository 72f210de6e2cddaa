import type { Clock } from '../../base/clock.ts';
import { abortedBy, checkAbort } from '../../base/errors.ts';

/** Longer than any disk takes for a piece; a cache that hangs must not hang a load. */
export const DISK_PATIENCE_MS = 30_000;

/** Waits that end: at a deadline, or as soon as a signal aborts. */
export class Patience {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #until = Infinity;

  constructor(clock: Clock, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** @throws TpaError `ABORTED` */
  check(): void {
    checkAbort(this.#signal);
  }

  /** All waits that begin from now on have ended after so many milliseconds. */
  hurry(milliseconds: number): void {
    this.#until = this.#clock.now() + milliseconds;
  }

  /**
   * Settles as `work` does.
   *
   * @throws TpaError `ABORTED`; an Error once nothing has come for so many milliseconds
   */
  within<T>(work: PromiseLike<T>, milliseconds: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const signal = this.#signal;
      const late = () => settle(() => reject(new Error(`nothing came for ${milliseconds} ms`)));
      const left = Math.max(0, this.#until - this.#clock.now());
      const cancel = this.#clock.after(Math.min(milliseconds, left), late);
      const abort = () => settle(() => reject(abortedBy(signal!)));
      const settle = (outcome: () => void): void => {
        cancel();
        signal?.removeEventListener('abort', abort);
        outcome();
      };
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
      work.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  /** @throws TpaError `ABORTED` */
  async pause(milliseconds: number): Promise<void> {
    await this.within(new Promise<never>(() => {}), milliseconds).catch(() => this.check());
  }
}
