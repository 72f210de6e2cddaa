/** Something of the caller's that the worker uses by a number. */
export interface Held {
  read?(offset: number, length: number): Promise<Uint8Array>;
  write?(bytes: Uint8Array): Promise<void>;
  commit?(): Promise<void>;
  /** The next bytes; undefined at the end. */
  pull?(): Promise<Uint8Array | undefined>;
  close(): unknown;
}

/** What the worker has open here. */
export class Handles {
  readonly #held = new Map<number, Held>();
  #next = 0;

  add(held: Held): number {
    this.#held.set(this.#next, held);
    return this.#next++;
  }

  /** @throws Error where it was closed */
  get(handle: number): Held {
    const held = this.#held.get(handle);
    if (held === undefined) throw new Error('it is closed already');
    return held;
  }

  async close(handle: number): Promise<void> {
    const held = this.#held.get(handle);
    this.#held.delete(handle);
    await held?.close();
  }

  /** Closes whatever is open; a worker that has died does so no more. */
  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#held.keys()].map((handle) => this.close(handle)));
  }
}
