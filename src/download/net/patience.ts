import { type Clock, within } from '../../base/time.ts';
import { checkAbort } from '../../format/tensors/tensors.ts';

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
    const left = Math.max(0, this.#until - this.#clock.now());
    return within(work, {
      clock: this.#clock,
      milliseconds: Math.min(milliseconds, left),
      late: () => new Error(`nothing came for ${milliseconds} ms`),
      signal: this.#signal,
      aborted: () => this.#aborted(),
    });
  }

  /** @throws TpaError `ABORTED` */
  async pause(milliseconds: number): Promise<void> {
    await this.within(new Promise<never>(() => {}), milliseconds).catch(() => this.check());
  }

  #aborted(): unknown {
    try {
      this.check();
    } catch (error) {
      return error;
    }
    return undefined;
  }
}
