import type { Reply, Request } from '../../../src/backend/webgpu/protocol.ts';

type Listener = (event: unknown) => void;

/** A web worker that is none; `workers` has all that were made. */
export class FakeWorker {
  static readonly workers: FakeWorker[] = [];
  /** What a worker does with what it is sent. */
  static onRequest: (worker: FakeWorker, request: Request) => void = () => {};
  readonly url: string;
  readonly options: unknown;
  readonly received: Request[] = [];
  readonly transfers: unknown[] = [];
  terminations = 0;
  readonly #listeners = new Map<string, Listener>();

  constructor(url: string | URL, options: unknown) {
    this.url = String(url);
    this.options = options;
    FakeWorker.workers.push(this);
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  postMessage(request: Request, transfer: unknown): void {
    this.received.push(request);
    this.transfers.push(transfer);
    FakeWorker.onRequest(this, request);
  }

  terminate(): void {
    this.terminations++;
  }

  emit(type: string, event: object): void {
    this.#listeners.get(type)?.(event);
  }

  reply(data: Reply): void {
    this.emit('message', { data });
  }
}
