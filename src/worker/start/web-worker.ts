import type { WorkerEvents, WorkerPort, WorkerRole } from '../../base/worker-port.ts';

/** A browser tells no more: of a file that is missing, no JavaScript, or forbidden. */
const NOT_LOADED =
  '"tpa-worker.js" could not be loaded; it has to lie beside the script that uses it (esbuild makes it of an entry point "tpa-worker": "tpa-wasm/worker"), to be served as JavaScript, and to be allowed by the policy of the page ("worker-src")';

/**
 * A Web Worker as a port; the first message tells it its role.
 *
 * @throws Error saying why there is none
 */
export function openWorker(
  role: WorkerRole,
  { onMessage, onDead }: WorkerEvents,
  create: () => Worker,
): WorkerPort {
  if (typeof Worker !== 'function') throw new Error('this runtime has no Worker');
  const worker = create();
  let isOver = false;
  const end = (): void => {
    isOver = true;
    worker.terminate();
  };
  const die = (reason: string): void => {
    if (isOver) return;
    end();
    onDead(reason);
  };
  worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (!isOver) onMessage(data);
  });
  worker.addEventListener('messageerror', () => die('the worker sent what cannot be read'));
  worker.addEventListener('error', (event) => {
    event.preventDefault(); // or it is an error of the page as well
    die(event.message ? `the worker failed: ${event.message}` : NOT_LOADED);
  });
  worker.postMessage({ role }, []);
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    keepAlive: () => {},
    terminate: async () => end(),
  };
}
