import { messageOf, TpaError, unavailable } from '../../../base/errors.ts';
import type { Reply, Request, Requests } from '../protocol.ts';
import type { SpawnWorker, WorkerPort } from './worker-port.ts';

interface Waiting {
  /** Whether a process is to stay alive for the answer. */
  readonly isNeeded: boolean;
  resolve(answer: unknown): void;
  reject(error: TpaError): void;
}

/**
 * The device, seen from the main thread: asks the worker, and knows when it is gone. It has no
 * deadlines: its caller decides how long to wait, and closes the device after that.
 */
export class GpuDevice {
  /** Resolves with the reason once the device or its worker is gone by itself; never rejects. */
  readonly lost: Promise<string>;
  readonly #waiting = new Map<number, Waiting>();
  #port: WorkerPort | undefined;
  #reason: string | undefined;
  #tellLost: (reason: string) => void = () => {};
  #next = 0;
  #needed = 0;

  private constructor() {
    this.lost = new Promise((resolve) => (this.#tellLost = resolve));
  }

  /** @throws TpaError `BACKEND_UNAVAILABLE` if there is no worker */
  static async open(spawn: SpawnWorker): Promise<GpuDevice> {
    const device = new GpuDevice();
    try {
      const port = await spawn({
        onReply: (reply) => device.#receive(reply),
        onDead: (reason) => device.#lose(reason),
      });
      // a worker that has died meanwhile would never answer
      if (device.#reason === undefined) device.#port = port;
      else port.terminate();
    } catch (cause) {
      throw unavailable(`no worker for the GPU: ${messageOf(cause)}`, cause);
    }
    return device;
  }

  /**
   * @param transfer buffers that the worker may keep
   * @throws TpaError `GPU_LOST`, `GPU_OUT_OF_MEMORY`, `BACKEND_UNAVAILABLE`
   */
  ask<Kind extends keyof Requests>(
    kind: Kind,
    ask: Requests[Kind]['ask'],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Requests[Kind]['answer']> {
    const port = this.#port;
    if (port === undefined) return Promise.reject(lostError(this.#reason ?? 'the GPU is closed'));
    const id = this.#next++;
    // nobody waits for what is freed
    const isNeeded = kind !== 'free';
    if (isNeeded && this.#needed++ === 0) port.keepAlive(true);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (answer) => resolve(answer as never), reject, isNeeded });
      port.post({ id, kind, ask } as Request, transfer);
    });
  }

  /** Ends the worker, whatever it is doing; what waits rejects. Idempotent. */
  close(): void {
    this.#end('the GPU was closed');
  }

  #receive(reply: Reply): void {
    if ('lost' in reply) {
      this.#lose(reply.lost);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (waiting?.isNeeded && --this.#needed === 0) this.#port?.keepAlive(false);
    if ('code' in reply) waiting?.reject(new TpaError(reply.code, reply.message));
    else waiting?.resolve(reply.answer);
  }

  #lose(reason: string): void {
    if (this.#reason === undefined) this.#tellLost(reason);
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#port?.terminate();
    this.#port = undefined;
    for (const { reject } of this.#waiting.values()) reject(lostError(reason));
    this.#waiting.clear();
  }
}

function lostError(reason: string): TpaError {
  return new TpaError('GPU_LOST', reason);
}
