import { messageOf } from '../base/errors.ts';
import { type Clock, systemClock } from '../base/time.ts';
import type { StartWorker, WorkerPort } from '../base/worker-port.ts';
import type { SharedKernels } from '../wasm/instantiate-shared.ts';
import type { ThreadPool } from './pool.ts';

/** A worker that has not begun by then takes no part: an empty one starts in 20 to 60 ms. */
const START_MS = 2_000;

/** The first message to a thread. */
export interface ThreadStart extends SharedKernels {
  /** Of the pool's control. */
  readonly control: SharedArrayBuffer;
  readonly lane: number;
}

/** What a thread answers once it takes part. */
export const READY = 'ready';

/**
 * Starts the threads of a pool beside the one that calls. Those that do not begin are left out; one
 * that ends later is lost to the pool.
 *
 * @returns why some do not take part, once all have begun or failed; undefined where all do
 */
export async function startThreads(
  pool: ThreadPool,
  shared: SharedKernels,
  startWorker: StartWorker,
  clock: Clock = systemClock(true),
): Promise<string | undefined> {
  const lanes = Array.from({ length: pool.size - 1 }, (_, i) => i + 1);
  const reasons = await Promise.all(
    lanes.map((lane) => startThread(pool, lane, shared, startWorker, clock)),
  );
  return reasons.find((reason) => reason !== undefined);
}

/** @returns why it takes no part */
function startThread(
  pool: ThreadPool,
  lane: number,
  shared: SharedKernels,
  startWorker: StartWorker,
  clock: Clock,
): Promise<string | undefined> {
  const { members, control } = pool;
  return new Promise((resolve) => {
    let port: WorkerPort | undefined;
    let isGone = false;
    const leave = (reason: string): void => {
      isGone = true;
      cancel();
      void port?.terminate();
      members.remove(lane, reason);
      resolve(reason);
    };
    const late = `a worker did not begin within ${START_MS / 1000} s`;
    const cancel = clock.after(START_MS, () => leave(late));
    try {
      port = startWorker('thread', {
        onMessage(message) {
          if (message !== READY || isGone || !members.begin(lane)) return;
          cancel();
          resolve(undefined);
        },
        onDead: (reason) => leave(reason),
      });
      // it may have died at once
      if (isGone) return;
      members.add({ lane, end: () => leave('the threads were ended') });
      const { module, memory } = shared;
      const start: ThreadStart = { module, memory, control: control.buffer, lane };
      port.post(start);
    } catch (error) {
      leave(messageOf(error));
    }
  });
}
