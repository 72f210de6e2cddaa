import type { ThreadPool } from './pool.ts';

/** Threads to compute with: a number, or as many as are of use here. */
export type ThreadsOption = number | 'auto';

/** There are fewer threads from now on. */
export interface ThreadsChange {
  /** Threads that compute, the one that leads included. */
  readonly threads: number;
  /** In words. */
  readonly reason: string;
}

/** Threads beside the one that computes, or why there are none. */
export interface Threads {
  /** Absent where one thread computes alone. */
  readonly pool?: ThreadPool;
  /** Why there are as many as there are. */
  reason: string;
  /** Starts them; idempotent. Resolves when all have begun or failed, within 2 s. */
  start?(): Promise<void>;
  /** Called when a thread is lost. */
  onChange?: ((change: ThreadsChange) => void) | undefined;
}
