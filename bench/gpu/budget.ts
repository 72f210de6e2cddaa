/** Wall-clock time that a run may take, from the moment it is made. */
export class Budget {
  readonly #seconds: number;
  readonly #now: () => number;
  readonly #start: number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(seconds: number, now: () => number = () => performance.now()) {
    this.#seconds = seconds;
    this.#now = now;
    this.#start = now();
  }

  /** Seconds since the start. */
  get spent(): number {
    return (this.#now() - this.#start) / 1000;
  }

  /** Seconds until a share of the budget is spent; below 0 when it is. */
  left(share = 1): number {
    return this.#seconds * share - this.spent;
  }
}

/** The most of `sizes` that fits in so many seconds, the first being the most; undefined if none does. */
export function largestThatFits<T>(
  sizes: readonly T[],
  seconds: number,
  costOf: (size: T) => number,
): T | undefined {
  return sizes.find((size) => costOf(size) <= seconds);
}
