import startWorker from '#worker';
import type { CpuBackend } from '../../../src/backend/cpu.ts';
import { type Clock, systemClock } from '../../../src/base/time.ts';
import type { StartWorker } from '../../../src/base/worker-port.ts';
import type { ModelBytes } from '../../../src/format/files/bytes-at-hand.ts';
import { ThreadPool } from '../../../src/threads/pool.ts';
import { startThreads } from '../../../src/threads/start-threads.ts';
import type { DtypeOption } from '../../../src/weights/dtypes.ts';
import type { Engine } from '../../../src/wasm/engine.ts';
import { openCpuModel } from '../models/t6-model.ts';

const { now, after } = systemClock(true);
/** A machine that is busy with other tests may start a worker in more than the 2 s that it has. */
const PATIENT: Clock = { now, after: (_, task) => after(60_000, task) };

/** How a model is opened with threads. */
export interface ThreadedOptions {
  readonly simd: 'baseline' | 'relaxed';
  readonly dtype?: DtypeOption;
  /** Threads at most, the one that leads included. */
  readonly size: number;
  /** After so long without an answer a thread is lost, default 2 s. */
  readonly lostMs?: number;
  /** Multiply-adds that are worth a claim, default 1. */
  readonly claimCost?: number;
  /** Milliseconds between two looks at other tasks. */
  readonly sliceMs?: number;
  /** Replaces the kernels of the thread that leads. */
  readonly wrap?: (kernels: Engine['kernels']) => Engine['kernels'];
}

/** A model over a shared memory, and the threads that it may have. */
export interface ThreadedModel {
  readonly backend: CpuBackend;
  readonly pool: ThreadPool;
  /** Starts threads; tells why some have not begun. */
  start(startWorker?: StartWorker): Promise<string | undefined>;
}

/** A model whose programs all are for threads, in ranges as short as they can be. */
export async function openThreadedModel(
  source: ModelBytes,
  { simd, dtype, size, lostMs, claimCost = 1, sliceMs, wrap }: ThreadedOptions,
): Promise<ThreadedModel> {
  const pool = new ThreadPool(size, { lostMs, leastCost: 0, claimCost });
  pool.lanes = size;
  const how = { threads: { pool, reason: '' }, ...(sliceMs === undefined ? {} : { sliceMs }) };
  const { backend } = await openCpuModel(source, { simd, dtype, isShared: true }, wrap, how);
  const { shared, unsharedReason } = backend.network.compute.engine;
  if (shared === undefined) throw new Error(unsharedReason);
  return {
    backend,
    pool,
    start: (start = startWorker!) => startThreads(pool, shared, start, PATIENT),
  };
}
