import type { StartWorker } from '../../base/worker-port.ts';
import { nodeBuiltin } from '../../base/node.ts';
import { openThread } from './node-thread.ts';
import threadSource from './thread-source.js';

/** Where this module is; a bundle of CommonJS leaves it no address. */
const HERE: string | undefined = import.meta.url;
const MODEL = './model.js';

/**
 * Node, Deno and Bun: `node:worker_threads`, which all three end, and do not wait for, alike. Deno
 * keeps the process alive for each of its Web Workers. A thread is started from text: Deno reads no
 * file without permission, and a bundler leaves none behind.
 */
const startWorker: StartWorker = (role, events) => {
  const threads = nodeBuiltin('worker_threads');
  if (threads === undefined) throw new Error('this runtime has no node:worker_threads');
  // what Node was started with, such as a loader of TypeScript, is not loaded again
  const options = { name: `tpa-${role}`, execArgv: [] };
  return role === 'thread'
    ? openThread(new threads.Worker(threadSource, { ...options, eval: true }), events)
    : openThread(new threads.Worker(modelFile(), options), events);
};
export default startWorker;

/** @throws Error where a bundler has left the file behind */
function modelFile(): URL {
  const file = HERE === undefined ? undefined : new URL(MODEL, HERE);
  if (file !== undefined && isThere(file)) return file;
  throw new Error(
    `"${MODEL}" of tpa-wasm/dist/worker is not there; keep the package out of the bundle ("external")`,
  );
}

/** What may not be looked at may be there: whoever starts it says what is missing. */
function isThere(file: URL): boolean {
  try {
    return nodeBuiltin('fs')?.existsSync(file) ?? true;
  } catch {
    return true;
  }
}
