/** What holds a connection and can let it go for a while. */
export interface Suspendable {
  suspend(): void;
}

/**
 * Weights wait while the small files beside them are read. A browser has 6 connections a host: were
 * the bodies of many shards left open, the next request would wait for ever.
 */
const MAX_OPEN = 2;

/** The bodies of one model that are open, the last used last. */
export class OpenBodies {
  readonly #open: Suspendable[] = [];

  /** Makes room for another. */
  admit(body: Suspendable): void {
    this.release(body);
    this.#open.push(body);
    while (this.#open.length > MAX_OPEN) this.#open.shift()?.suspend();
  }

  /** It is closed. */
  release(body: Suspendable): void {
    const at = this.#open.indexOf(body);
    if (at >= 0) this.#open.splice(at, 1);
  }
}
