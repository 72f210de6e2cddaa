/** Time as the dispatcher sees it, so that tests need none. */
export interface Clock {
  /** Milliseconds since some moment, never less than before. */
  now(): number;
  /**
   * Calls `task` once after so many milliseconds; a process need not stay alive for it.
   *
   * @returns takes that back
   */
  after(milliseconds: number, task: () => void): () => void;
}

/** The runtime's own time. */
export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    after(milliseconds, task) {
      const timer: unknown = setTimeout(task, milliseconds);
      if (isUnrefable(timer)) timer.unref();
      return () => clearTimeout(timer as number);
    },
  };
}

/** Node, Deno with node types, and Bun have timers that need not hold the process. */
function isUnrefable(timer: unknown): timer is { unref(): void } {
  return typeof timer === 'object' && timer !== null && 'unref' in timer;
}
