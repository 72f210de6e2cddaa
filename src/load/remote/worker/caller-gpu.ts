import { messageOf } from '../../../base/errors.ts';
import type { ToCaller } from './to-caller.ts';

/**
 * The GPU worker that a caller's own function starts: the page starts it, since only there is its
 * file known, and the two workers talk to each other without the page.
 */
export function callerGpuWorker(caller: ToCaller): () => Worker {
  // what of a Worker is used is there
  return () => new CallerWorker(caller) as unknown as Worker;
}

class CallerWorker extends EventTarget {
  readonly #port: MessagePort;
  readonly #ending = new AbortController();

  constructor(caller: ToCaller) {
    super();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.addEventListener('message', ({ data }) => {
      this.dispatchEvent(new MessageEvent('message', { data }));
    });
    port1.start();
    const how = { transfer: [port2], signal: this.#ending.signal };
    caller.ask('startGpuWorker', { port: port2 }, how).then(
      (reason) => this.#fail(reason),
      (error: unknown) => this.#fail(messageOf(error)),
    );
  }

  postMessage(message: unknown, transfer: Transferable[]): void {
    this.#port.postMessage(message, transfer);
  }

  terminate(): void {
    this.#port.close();
    this.#ending.abort();
  }

  #fail(message: string): void {
    if (this.#ending.signal.aborted) return;
    this.dispatchEvent(Object.assign(new Event('error'), { message }));
  }
}
