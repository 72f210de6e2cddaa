import { messageOf, TpaError } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import type { Losable } from './supervisor.ts';
import { Watchdog } from './watchdog.ts';

/** Whether it says that the GPU failed, and not the caller or the CPU. */
export function isGpuFailure(error: unknown): error is TpaError {
  return (
    error instanceof TpaError && (error.code === 'GPU_LOST' || error.code === 'GPU_OUT_OF_MEMORY')
  );
}

/**
 * Errors that leave the device as it was: the CPU's part of a call failed, or the GPU refused what it
 * was asked for.
 */
const HARMLESS = new Set<unknown>([
  'OUT_OF_MEMORY',
  'KERNEL_TRAP',
  'BACKEND_UNAVAILABLE',
  'DISPOSED',
]);

/**
 * The only way to a GPU: one call at a time, in the order they come, each under a deadline. Once a
 * call has failed, the device is lost or it was disposed, every call rejects, those that wait too:
 * a second run on a lost device spins for ever in onnxruntime-web.
 */
export class Guard<R extends Losable> implements Losable {
  readonly resource: R;
  readonly lost: Promise<string>;
  readonly #watchdog: Watchdog;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #death: TpaError | undefined;
  /** Ends the running call. */
  #current: AbortController | undefined;

  constructor(resource: R, clock: Clock) {
    this.resource = resource;
    this.#watchdog = new Watchdog(clock);
    this.lost = resource.lost;
    void this.lost.then((reason) => this.#die(new TpaError('GPU_LOST', reason)));
  }

  /**
   * Opens a device and makes something of it behind a guard; a failure and an abort let it go.
   *
   * @throws what `open` and `make` reject with
   */
  static async open<R extends Losable, T>(
    open: (signal: AbortSignal) => Promise<R>,
    signal: AbortSignal,
    clock: Clock,
    make: (guard: Guard<R>) => Promise<T>,
  ): Promise<T> {
    const guard = new Guard(await open(signal), clock);
    const giveUp = (): void => guard.dispose();
    signal.addEventListener('abort', giveUp);
    try {
      if (signal.aborted) giveUp();
      return await make(guard);
    } catch (error) {
      giveUp();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /**
   * @param kind as {@link Watchdog.run} takes it
   * @throws TpaError `GPU_LOST`, `GPU_OUT_OF_MEMORY`; of the CPU's part, which the GPU survives,
   *   `OUT_OF_MEMORY`, `KERNEL_TRAP`, `DISPOSED`; `BACKEND_UNAVAILABLE` for what it refuses
   */
  call<T>(kind: string, work: (resource: R) => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#tail.then(() => this.#run(kind, work));
    const leave = (): void => void this.#waiting--;
    this.#tail = result.then(leave, leave);
    return result;
  }

  /** Runs `task` between two calls: at once if there is none. Not at all on a dead device. */
  between(task: () => void): void {
    const attempt = (): void => {
      if (this.#death !== undefined) return;
      try {
        task();
      } catch (cause) {
        this.#die(asFailure(cause));
      }
    };
    if (this.#waiting === 0) attempt();
    else this.#tail = this.#tail.then(attempt);
  }

  /** Ends the running call and lets the device go. */
  dispose(): void {
    this.#die(new TpaError('GPU_LOST', 'the GPU was let go'));
  }

  async #run<T>(kind: string, work: (resource: R) => Promise<T>): Promise<T> {
    if (this.#death !== undefined) throw this.#death;
    const current = new AbortController();
    this.#current = current;
    try {
      return await this.#watchdog.run(kind, () => work(this.resource), current.signal);
    } catch (cause) {
      if (cause instanceof TpaError && HARMLESS.has(cause.code)) throw cause;
      const failure = asFailure(cause);
      this.#die(failure);
      throw failure;
    } finally {
      this.#current = undefined;
    }
  }

  #die(failure: TpaError): void {
    if (this.#death !== undefined) return;
    this.#death = failure;
    this.#current?.abort(failure);
    try {
      this.resource.dispose();
    } catch {
      // it is gone either way
    }
  }
}

function asFailure(cause: unknown): TpaError {
  if (isGpuFailure(cause)) return cause;
  const message = messageOf(cause);
  return new TpaError('GPU_LOST', `the GPU failed: ${message}`, { cause });
}
