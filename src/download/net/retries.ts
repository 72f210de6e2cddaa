import type { Patience } from './patience.ts';

/** Tries again after 0.25, 0.5, 1, 2 and 4 seconds. */
const DELAYS_MS = [250, 500, 1000, 2000, 4000];
/** Bytes after which all tries are there again: a line that breaks often is slow, not dead. */
const GOOD_BYTES = 2 ** 20;
/** A server that asks for a longer pause is not waited for. */
const MAX_RETRY_AFTER_MS = 60_000;

/** Tries that a download has left. */
export class Retries {
  readonly #patience: Patience;
  #failures = 0;
  #bytes = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** Bytes have come. */
  progressed(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < GOOD_BYTES) return;
    this.#bytes = 0;
    this.#failures = 0;
  }

  /**
   * Waits before the next try.
   *
   * @param retryAfter that header of a refusal
   * @returns whether there is one
   * @throws TpaError `ABORTED`
   */
  async again(retryAfter: string | null = null): Promise<boolean> {
    const delay = DELAYS_MS[this.#failures++];
    const asked = retryAfter === null ? 0 : readDelay(retryAfter);
    if (delay === undefined || asked > MAX_RETRY_AFTER_MS) return false;
    await this.#patience.pause(Math.max(delay, asked));
    return true;
  }
}

/** Milliseconds that a Retry-After, seconds or a date, asks for; 0 for neither. */
function readDelay(retryAfter: string): number {
  const milliseconds = /^\d+$/.test(retryAfter)
    ? Number(retryAfter) * 1000
    : Date.parse(retryAfter) - Date.now();
  return Math.max(0, milliseconds || 0);
}
