import startWorker from '#worker';
import { countCores } from '../base/environment.ts';
import type { SharedKernels } from '../wasm/instantiate-shared.ts';
import { ThreadPool } from './pool.ts';
import { startThreads } from './start-threads.ts';
import type { Threads, ThreadsOption } from './threads.ts';

/** Threads of `'auto'` at most: a step of few models has more to share. */
const MOST = 16;

/** A pool over a memory that is shared; no thread has started yet. */
export function openThreads(shared: SharedKernels, option: ThreadsOption): Threads {
  if (startWorker === undefined) return { reason: 'this runtime has no workers' };
  const start = startWorker;
  const cores = countCores();
  const size = option === 'auto' ? Math.min(cores, MOST) : option;
  const pool = new ThreadPool(size);
  let started: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    const failed = await startThreads(pool, shared, start);
    pool.lanes = pool.members.lanes;
    if (failed !== undefined) threads.reason = failed;
    // one that is lost already has given its reason
    else if (pool.threads === size) {
      threads.reason = option === 'auto' ? `${cores} cores` : 'asked for';
    }
  };
  const threads: Threads = {
    pool,
    reason: 'no thread was needed yet',
    start: () => (started ??= begin()),
  };
  pool.members.onLost = (reason) => {
    threads.reason = reason;
    threads.onChange?.({ threads: pool.threads, reason });
  };
  return threads;
}
