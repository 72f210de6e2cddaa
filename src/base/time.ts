/** Time as code that waits sees it, so that tests need none. */
export interface Clock {
  /** Milliseconds since some moment, never less than before. */
  now(): number;
  /**
   * Calls `task` once after so many milliseconds.
   *
   * @returns takes that back
   */
  after(milliseconds: number, task: () => void): () => void;
}

/**
 * The runtime's own time.
 *
 * @param holdsProcess whether Node stays alive for a timer, where nothing else may keep it
 */
export function systemClock(holdsProcess = false): Clock {
  return {
    now: () => performance.now(),
    after(milliseconds, task) {
      const timer: unknown = setTimeout(task, milliseconds);
      if (!holdsProcess && isUnrefable(timer)) timer.unref();
      return () => clearTimeout(timer as number);
    },
  };
}

/** Node, Deno with node types, and Bun have timers that need not hold the process. */
function isUnrefable(timer: unknown): timer is { unref(): void } {
  return typeof timer === 'object' && timer !== null && 'unref' in timer;
}

/** How long {@link within} waits, and what ends the wait. */
export interface Wait<T> {
  readonly clock: Clock;
  readonly milliseconds: number;
  /** The error once they have passed. */
  late(): unknown;
  /** An abort ends the wait at once. */
  readonly signal?: AbortSignal | undefined;
  /** The error of an abort, the signal's reason unless given. */
  aborted?(): unknown;
  /** Takes a value that comes after the wait is over. */
  discard?(value: T): void;
}

/** Settles as `work` does, or rejects when its time is up or its signal aborts; leaves no timer. */
export function within<T>(work: PromiseLike<T>, wait: Wait<T>): Promise<T> {
  const { clock, milliseconds, signal } = wait;
  return new Promise((resolve, reject) => {
    let isOver = false;
    const end = (outcome: () => void): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      signal?.removeEventListener('abort', abort);
      outcome();
    };
    const cancel = clock.after(milliseconds, () => end(() => reject(wait.late())));
    const abort = (): void =>
      end(() => reject(wait.aborted === undefined ? signal?.reason : wait.aborted()));
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    work.then(
      (value) => (isOver ? wait.discard?.(value) : end(() => resolve(value))),
      (error: unknown) => end(() => reject(error)),
    );
  });
}

/** What a runtime may offer for queueing a macrotask. */
export interface TaskScope {
  readonly setImmediate?: (task: () => void) => unknown;
  readonly MessageChannel?: new () => MessageChannel;
  readonly setTimeout: (task: () => void, milliseconds: number) => unknown;
}

/**
 * Lets timers, signals and other requests run between two tokens. `setImmediate` where there is
 * one, else a message to ourselves (browsers delay nested timeouts by 4 ms), else a timeout.
 */
export function yieldMacrotask(scope: TaskScope = globalThis): Promise<void> {
  return new Promise((resolve) => {
    if (scope.setImmediate !== undefined) {
      scope.setImmediate(resolve);
    } else if (scope.MessageChannel !== undefined) {
      const { port1, port2 } = new scope.MessageChannel();
      port1.addEventListener('message', () => {
        port1.close();
        resolve();
      });
      port1.start();
      port2.postMessage(undefined);
    } else {
      scope.setTimeout(resolve, 0);
    }
  });
}
