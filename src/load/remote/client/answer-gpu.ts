import { mismatch } from '../../../base/arguments.ts';
import type { LoadOptions } from '../../load-options.ts';
import type { Answers } from '../channel.ts';
import type { CallerAsks } from '../protocol.ts';

/** Starts the caller's GPU worker for the worker that has the model, and ends it with that one. */
export function answerGpu(
  webgpu: LoadOptions['webgpu'],
): Answers<Pick<CallerAsks, 'startGpuWorker'>> {
  return {
    startGpuWorker({ port }, signal) {
      const start = webgpu?.worker;
      if (typeof start !== 'function') throw new TypeError(mismatch('worker', 'a function', start));
      const worker = start();
      worker.postMessage({ port }, [port]);
      return new Promise((resolve) => {
        worker.addEventListener('messageerror', () => resolve('it got what it cannot read'));
        worker.addEventListener('error', (event) => {
          event.preventDefault();
          resolve(event.message);
        });
        signal.addEventListener('abort', () => {
          worker.terminate();
          resolve('it was ended');
        });
      });
    },
  };
}
