/** Milliseconds before the first, second and any later attempt after as many failures. */
const BACK_OFF = [1_000, 5_000, 25_000] as const;
/** A pause is up to half longer, so that many pages do not return to a GPU at once. */
const JITTER = 0.5;
/** At most 3 attempts … */
const MOST = 3;
/** … in any 10 minutes. */
const WINDOW = 600_000;

/** When something that failed may be tried again. Moments are in milliseconds of one clock. */
export class RetryPolicy {
  readonly #random: () => number;
  #attempts: readonly number[] = [];
  #failures: readonly number[] = [];
  #dueAt = -Infinity;

  /** @param random numbers in [0, 1) */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Whether an attempt may begin now. */
  isDue(now: number): boolean {
    return now >= this.#dueAt && recent(this.#attempts, now).length < MOST;
  }

  /** An attempt begins. */
  attempted(now: number): void {
    this.#attempts = [...recent(this.#attempts, now), now];
  }

  /** An attempt failed, or what an earlier one opened was lost. */
  failed(now: number): void {
    const step = Math.min(recent(this.#failures, now).length, BACK_OFF.length - 1);
    this.#failures = [...recent(this.#failures, now), now].slice(-BACK_OFF.length);
    this.#dueAt = now + BACK_OFF[step]! * (1 + JITTER * this.#random());
  }
}

function recent(moments: readonly number[], now: number): readonly number[] {
  return moments.filter((moment) => now - moment < WINDOW);
}
