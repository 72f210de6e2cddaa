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
  #isClosed = false;

  /** What comes when all is closed, such as an entry of a cache that was slow, is closed at once. */
  add(held: Held): number {
    if (this.#isClosed) void Promise.resolve(held.close()).catch(() => {});
    this.#held.set(this.#next, held);
    return this.#next++;
  }

  /** @throws Error where it was closed */
  get(handle: number): Held {
    const held = this.#held.get(handle);
    if (held === undefined) throw new Error('it is closed already');
    return held;
  }

  /** It needs no end. */
  drop(handle: number): void {
    this.#held.delete(handle);
  }

  async close(handle: number): Promise<void> {
    const held = this.#held.get(handle);
    this.drop(handle);
    await held?.close();
  }

  /** Closes whatever is open; a worker that has died does so no more. */
  async closeAll(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#held.keys()].map((handle) => this.close(handle)));
  }
}
