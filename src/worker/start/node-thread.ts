import type { Transferable as NodeTransferable, Worker } from 'node:worker_threads';
import type { WorkerEvents, WorkerPort } from '../../base/worker-port.ts';
import { messageOf } from '../../base/errors.ts';

/** A thread of `node:worker_threads` as a port. */
export function openThread(worker: Worker, { onMessage, onDead }: WorkerEvents): WorkerPort {
  let isOver = false;
  const die = (reason: string): void => {
    if (isOver) return;
    isOver = true;
    void worker.terminate();
    onDead(reason);
  };
  worker.on('message', (message: unknown) => {
    if (!isOver) onMessage(message);
  });
  worker.on('messageerror', () => die('the worker sent what cannot be read'));
  worker.on('error', (error: unknown) => die(`the worker failed: ${messageOf(error)}`));
  worker.on('exit', (code) => die(`the worker ended with ${code}`));
  worker.unref();
  return {
    post: (message, transfer = []) =>
      worker.postMessage(message, transfer as readonly NodeTransferable[]),
    keepAlive(isNeeded) {
      if (isNeeded) worker.ref();
      else worker.unref();
    },
    async terminate() {
      isOver = true;
      await worker.terminate();
    },
  };
}
