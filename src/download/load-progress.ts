/** How far loading has come. */
export interface LoadProgress {
  /** The file of weights that is being read. */
  readonly file: string;
  /** Bytes of weights read so far. */
  readonly loaded: number;
  /** Bytes of all of them. */
  readonly total: number;
  /** Bytes a second, over the last few. */
  readonly rate: number;
}

/** What the rate is taken over. */
const WINDOW_MS = 3000;
/** Moments that are remembered lie so far apart. */
const STEP_MS = 100;

/** Turns counts of bytes, which only grow, into progress. */
export class ProgressMeter {
  readonly #now: () => number;
  readonly #onProgress: (progress: LoadProgress) => void;
  readonly #moments: { readonly at: number; readonly loaded: number }[];

  constructor(now: () => number, onProgress: (progress: LoadProgress) => void) {
    this.#now = now;
    this.#onProgress = onProgress;
    this.#moments = [{ at: now(), loaded: 0 }];
  }

  /** So many bytes have been read. */
  update(file: string, loaded: number, total: number): void {
    const at = this.#now();
    // one that lies before the window begins it
    while (this.#moments.length > 1 && this.#moments[1]!.at <= at - WINDOW_MS) {
      this.#moments.shift();
    }
    const first = this.#moments[0]!;
    const seconds = (at - first.at) / 1000;
    const rate = seconds > 0 ? (loaded - first.loaded) / seconds : 0;
    if (at - this.#moments.at(-1)!.at >= STEP_MS) this.#moments.push({ at, loaded });
    this.#onProgress({ file, loaded, total, rate });
  }
}
