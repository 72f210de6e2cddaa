import { nodeBuiltin } from '../../../base/node.ts';
import type { Reply, Request } from '../protocol.ts';

/** A worker as the main thread sees it. */
export interface WorkerPort {
  post(request: Request, transfer: readonly ArrayBuffer[]): void;
  /** Whether the process is to stay alive for it; idle workers do not count where that can be said. */
  keepAlive(isNeeded: boolean): void;
  /** At once; nothing is heard of it again. */
  terminate(): void;
}

/** What a worker reports. */
export interface WorkerEvents {
  onReply(reply: Reply): void;
  /** It could not start, threw or exited. */
  onDead(reason: string): void;
}

/** This package's `gpu-worker.js`, or what starts it. */
export type WorkerSource = string | URL | (() => Worker);

const OWN_WORKER = 'gpu-worker.js';
/** A browser tells no more: of a file that is missing and of one that is forbidden. */
const NOT_LOADED =
  'it could not be loaded; see that it is served, and that the policy of the page allows it ("worker-src")';
/** Where this module is; apart from its use, or bundlers would take the worker along. */
const HERE = import.meta.url;

/** Starts a worker. */
export type SpawnWorker = (events: WorkerEvents) => Promise<WorkerPort>;

/**
 * Starts a worker: a web worker, or a process of Node's.
 *
 * @param source this package's own worker, beside this module, unless given
 */
export async function spawnWorker(
  source: WorkerSource | undefined,
  events: WorkerEvents,
): Promise<WorkerPort> {
  if (hasWebWorkers()) return spawnWeb(source ?? ownWorker(), events);
  const isFactory = typeof source === 'function';
  return spawnNode(isFactory ? ownWorker() : (source ?? ownWorker()), events);
}

function ownWorker(): URL {
  return new URL(OWN_WORKER, HERE);
}

/** In Node onnxruntime-web, for one, puts the threads of `node:worker_threads` in their place. */
function hasWebWorkers(): boolean {
  return typeof Worker === 'function' && 'addEventListener' in Worker.prototype;
}

function spawnWeb(source: WorkerSource, { onReply, onDead }: WorkerEvents): WorkerPort {
  const isFactory = typeof source === 'function';
  const address = isFactory ? OWN_WORKER : source;
  const worker = isFactory ? source() : new Worker(source, { type: 'module', name: 'tpa-gpu' });
  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => onReply(data));
  worker.addEventListener('messageerror', () => onDead('the GPU worker sent what cannot be read'));
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    onDead(`the GPU worker at ${address} failed: ${event.message || NOT_LOADED}`);
  });
  return {
    post: (request, transfer) => worker.postMessage(request, [...transfer]),
    keepAlive: () => {},
    terminate: () => worker.terminate(),
  };
}

/**
 * A process of its own, not a thread: Dawn ends the whole process when a thread with an open call is
 * terminated, and a driver that crashes ends only this one.
 */
async function spawnNode(url: string | URL, events: WorkerEvents): Promise<WorkerPort> {
  const { fork } = nodeBuiltin('child_process')!;
  const { fileURLToPath } = nodeBuiltin('url')!;
  const child = fork(fileURLToPath(new URL(url)), {
    serialization: 'advanced',
    stdio: 'ignore',
    execArgv: [],
  });
  // one that spins hears nothing of its parent's end
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.on('message', (reply) => events.onReply(reply as Reply));
  child.on('error', ({ message }) => events.onDead(`the GPU process failed: ${message}`));
  child.on('exit', (code, signal) => events.onDead(`the GPU process ended with ${signal ?? code}`));
  return {
    post: (request) => child.send(request),
    keepAlive(isNeeded) {
      if (isNeeded) child.ref();
      else child.unref();
      if (isNeeded) child.channel?.ref();
      else child.channel?.unref();
    },
    terminate() {
      process.off('exit', kill);
      kill();
    },
  };
}
