import startWorker from '#worker';
import { nodeBuiltin } from '../base/node.ts';
import type { Engine } from '../wasm/engine.ts';
import { MAX_THREADS } from './control.ts';
import { ThreadPool } from './pool.ts';
import { startThreads } from './start-threads.ts';

/** Threads to compute with: a number, or as many as are of use here. */
export type ThreadsOption = number | 'auto';

/** Threads of `'auto'` at most: no model has gained by more. */
const MOST = 16;

/** Threads beside the one that computes, or why there are none. */
export interface Threads {
  readonly pool?: ThreadPool;
  /** Why there are as many as there are, once {@link start} has resolved. */
  reason: string;
  /** Starts them; idempotent. Resolves when all have begun or failed, within 2 s. */
  start(): Promise<void>;
}

/** Threads that share the memory of an engine; none has started yet. */
export function openThreads({ shared, unsharedReason }: Engine, option: ThreadsOption): Threads {
  const cores = countCores();
  const size = option === 'auto' ? Math.min(cores, MOST) : Math.min(option, MAX_THREADS);
  const start = startWorker;
  if (size === 1 || shared === undefined || start === undefined) {
    const reason =
      start === undefined
        ? 'this runtime has no workers'
        : (unsharedReason ?? 'this machine has one core');
    return { reason: option === 1 ? 'asked for' : reason, start: async () => {} };
  }
  const pool = new ThreadPool(size);
  let started: Promise<void> | undefined;
  const threads: Threads = {
    pool,
    reason: 'nothing large was computed yet',
    start: () => (started ??= begin()),
  };
  const begin = async (): Promise<void> => {
    const failed = await startThreads(pool, shared, start);
    pool.lanes = size;
    threads.reason =
      failed ?? (option === 'auto' ? `this machine has ${cores} cores` : 'asked for');
  };
  pool.onLost = (reason) => (threads.reason = reason);
  return threads;
}

/** Cores that the runtime reports, 1 where it reports none. */
export function countCores(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return navigator?.hardwareConcurrency ?? nodeBuiltin('os')?.availableParallelism() ?? 1;
}
