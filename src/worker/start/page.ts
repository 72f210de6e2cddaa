import type { StartWorker } from '../../base/worker-port.ts';
import { openWorker } from './web-worker.ts';

/** Pages: the file beside this one, which bundlers look for in this very form. */
const startWorker: StartWorker = (role, events) =>
  openWorker(role, events, () => {
    return new Worker(new URL('./tpa-worker.js', import.meta.url), {
      type: 'module',
      name: 'tpa-worker',
    });
  });
export default startWorker;
