import type { Reply, Request } from './protocol.ts';

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

/** Starts a worker. */
export type SpawnWorker = (events: WorkerEvents) => Promise<WorkerPort>;

/** Starts the module at `url` as a worker: a web worker, or a process of Node's. */
export async function spawnWorker(url: string | URL, events: WorkerEvents): Promise<WorkerPort> {
  return hasWebWorkers() ? spawnWeb(url, events) : spawnNode(url, events);
}

/** Whether `Worker` is that of the web: onnxruntime-web's wasm puts Node's own there, another thing. */
function hasWebWorkers(): boolean {
  return typeof Worker === 'function' && 'addEventListener' in Worker.prototype;
}

function spawnWeb(url: string | URL, { onReply, onDead }: WorkerEvents): WorkerPort {
  const worker = new Worker(url, { type: 'module', name: 'tpa-gpu' });
  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => onReply(data));
  worker.addEventListener('messageerror', () => onDead('the GPU worker sent what cannot be read'));
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    onDead(`the GPU worker at ${url} failed: ${event.message || 'it could not be loaded'}`);
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
  const { fork } = await import('node:child_process');
  const { fileURLToPath } = await import('node:url');
  const child = fork(fileURLToPath(new URL(url)), {
    serialization: 'advanced',
    stdio: 'ignore',
    execArgv: [],
  });
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
    terminate: () => child.kill('SIGKILL'),
  };
}
