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

/** Starts the module at `url` as a worker: a web worker, or a thread of Node. */
export async function spawnWorker(url: string | URL, events: WorkerEvents): Promise<WorkerPort> {
  return typeof Worker === 'function' ? spawnWeb(url, events) : spawnNode(url, events);
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

async function spawnNode(
  url: string | URL,
  { onReply, onDead }: WorkerEvents,
): Promise<WorkerPort> {
  const { Worker: Thread } = await import('node:worker_threads');
  const worker = new Thread(new URL(url), { name: 'tpa-gpu' });
  worker.on('message', onReply);
  worker.on('error', (error) => onDead(`the GPU worker failed: ${messageOf(error)}`));
  worker.on('exit', (code) => onDead(`the GPU worker exited with ${code}`));
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    keepAlive: (isNeeded) => (isNeeded ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
