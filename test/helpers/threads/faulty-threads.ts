import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import type { StartWorker } from '../../../src/base/worker-port.ts';
import { OPERATIONS } from '../../../src/threads/operations.ts';
import { MAX_THREADS } from '../../../src/threads/program.ts';
import type { Kernels } from '../../../src/wasm/kernels.ts';
import { openThread } from '../../../src/worker/start/node-thread.ts';
import { CALLS, DEATHS, DOOMED, type Fault, type FaultyThreadData, LANE_CALLS } from './fault.ts';

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('faulty-thread.ts', import.meta.url))],
  bundle: true,
  format: 'cjs',
  platform: 'node',
  write: false,
});

const NO_FAULT: Fault = { kind: 'none', at: [] };
/** Milliseconds that the thread that leads gives the others before it runs a range. */
const HANDICAP_MS = 0.05;
/** The same until one has made its first call. */
const PATIENCE_MS = 1;
const NAMES: ReadonlySet<string> = new Set(OPERATIONS);

/** Threads that count the calls of their kernels, and fail at some. */
export class FaultyThreads {
  readonly #words = new Int32Array(new SharedArrayBuffer(4 * (LANE_CALLS + MAX_THREADS)));
  #workers: Worker[] = [];
  readonly #alive = new Set<Worker>();
  #fault = NO_FAULT;
  #seen = 0;

  /** Says how the threads to come fail, and forgets all calls. */
  plan(fault = NO_FAULT): void {
    this.#fault = fault;
    this.#words.fill(0);
    this.#workers = [];
    this.#seen = 0;
  }

  readonly start: StartWorker = (_, events) => {
    const { kind, at, isOwn = false } = this.#fault;
    const isFatal = new Uint8Array(Math.max(0, ...at) + 1);
    for (const call of at) isFatal[call] = 1;
    const { buffer } = this.#words;
    const workerData: FaultyThreadData = { kind, isFatal, isOwn, words: buffer };
    const worker = new Worker(outputFiles[0]!.text, { eval: true, execArgv: [], workerData });
    this.#workers.push(worker);
    this.#alive.add(worker);
    worker.once('exit', () => this.#alive.delete(worker));
    return openThread(worker, events);
  };

  /** Calls that all threads have made. */
  get calls(): number {
    return Atomics.load(this.#words, CALLS);
  }

  /** Calls of one lane. */
  callsOf(lane: number): number {
    return Atomics.load(this.#words, LANE_CALLS + lane);
  }

  /** Threads that have died by plan. */
  get deaths(): number {
    return Atomics.load(this.#words, DEATHS);
  }

  /** Ends a worker behind the back of whoever started it. */
  async terminate(lane: number): Promise<void> {
    await this.#workers[lane - 1]?.terminate();
  }

  /** Terminates those that wait for it, until the work is done. */
  async whileTerminating<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const look = (): void => {
      if (isOver) return;
      const lane = Atomics.exchange(this.#words, DOOMED, 0);
      if (lane !== 0) void this.terminate(lane);
      setImmediate(look);
    };
    look();
    try {
      return await work;
    } finally {
      isOver = true;
    }
  }

  /** Kernels of the thread that leads, which lets the others be first. */
  behind = (kernels: Kernels): Kernels => {
    return new Proxy(kernels, {
      get: (target, name: string & keyof Kernels) => {
        if (this.#alive.size > 0 && NAMES.has(name)) {
          const patience = this.#seen === 0 ? PATIENCE_MS : HANDICAP_MS;
          Atomics.wait(this.#words, CALLS, this.#seen, patience);
          this.#seen = this.calls;
        }
        return target[name];
      },
    });
  };
}
