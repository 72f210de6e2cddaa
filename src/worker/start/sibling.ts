import type { StartWorker } from '../../base/worker-port.ts';
import { openWorker } from './web-worker.ts';

/** What only workers have. */
const scope = globalThis as unknown as {
  readonly location: { readonly href: string };
  importScripts(): void;
};

/**
 * Inside a page's worker: another one from the same script, wherever a bundler has put it. A worker
 * that names its own file in the form that bundlers look for is refused by Vite as a circle.
 */
const startWorker: StartWorker = (role, events) =>
  openWorker(role, events, () => {
    const type = isClassic() ? 'classic' : 'module';
    return new Worker(scope.location.href, { type, name: 'tpa-worker' });
  });
export default startWorker;

/** webpack makes a classic script of a worker, whose own imports would fail in a module. */
function isClassic(): boolean {
  try {
    scope.importScripts(); // imports nothing; modules may not even call it
    return true;
  } catch {
    return false;
  }
}
