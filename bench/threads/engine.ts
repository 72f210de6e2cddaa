import {
  compileKernels,
  createEngine,
  type Engine,
  type EngineOptions,
} from '../../src/wasm/engine.ts';
import type { ThreadPool } from '../../src/threads/pool.ts';
import { threadsOf } from '../../src/threads/threads-option.ts';
import type { Threads } from '../../src/threads/threads.ts';

/** Kernels over a memory that threads share, and the threads. */
export interface ThreadedEngine {
  readonly engine: Engine;
  readonly threads: Threads;
  /** `lanes` of it says how many take part from now on. */
  readonly pool: ThreadPool;
}

/**
 * Starts threads, the one that calls included.
 *
 * @throws Error where they cannot be had
 */
export async function openThreaded(
  size: number,
  options: EngineOptions = {},
): Promise<ThreadedEngine> {
  const engine = await createEngine(options, await compileKernels(options, { isShared: true }));
  const threads = await threadsOf(engine, size);
  const { pool } = threads;
  if (pool === undefined) throw new Error(threads.reason);
  await threads.start?.();
  if (pool.threads === size) return { engine, threads, pool };
  throw new Error(`"threads" expected ${size}, got ${pool.threads}: ${threads.reason}`);
}
