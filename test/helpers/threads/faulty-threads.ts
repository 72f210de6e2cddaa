import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import type { StartWorker } from '../../../src/base/worker-port.ts';
import { MAX_THREADS } from '../../../src/threads/program.ts';
import { openThread } from '../../../src/worker/start/node-thread.ts';

/** How a thread fails, at which of its calls of a kernel; -1 is at none. */
export interface Fault {
  /** `'mute'` never says that it has begun. */
  readonly kind: 'exit' | 'hang' | 'throw' | 'mute';
  readonly at: number;
}

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('faulty-thread.ts', import.meta.url))],
  bundle: true,
  format: 'cjs',
  platform: 'node',
  write: false,
});

/** Starts threads that fail. */
export class FaultyThreads {
  /** What the threads to come do. */
  fault: Fault = { kind: 'throw', at: -1 };
  readonly #calls = new SharedArrayBuffer(4 * MAX_THREADS);

  readonly start: StartWorker = (_, events) => {
    const workerData = { ...this.fault, calls: this.#calls };
    const options = { eval: true, execArgv: [], workerData };
    return openThread(new Worker(outputFiles[0]!.text, options), events);
  };

  /** Calls of kernels that the last thread of a lane has made. */
  calls(lane: number): number {
    return Atomics.load(new Int32Array(this.#calls), lane);
  }
}
