import type { FinishReason } from '../../index.ts';
import { count, decimals, renderTable } from './table.ts';

/** What a generation took. */
export interface Statistics {
  /** Tokens of the prompt that were evaluated. */
  readonly promptTokens: number;
  readonly generatedTokens: number;
  readonly finishReason: FinishReason;
  readonly seed: number | 'continue';
  /** Bytes of cache at the end. */
  readonly cacheBytes: number;
  /** From the call to the first token, the prompt included; null if there was none. */
  readonly firstTokenMilliseconds: number | null;
  /** Of the tokens after the first; null if there was none. */
  readonly tokensPerSecond: number | null;
}

/** Notes when tokens arrive. */
export class Stopwatch {
  readonly #now: () => number;
  readonly #started: number;
  #first: number | undefined;
  #last = 0;
  #tokens = 0;

  /** Starts. @param now milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#started = now();
  }

  /** Counts a token. */
  lap(): void {
    this.#last = this.#now();
    this.#first ??= this.#last;
    this.#tokens++;
  }

  get firstTokenMilliseconds(): number | null {
    return this.#first === undefined ? null : this.#first - this.#started;
  }

  get tokensPerSecond(): number | null {
    const milliseconds = this.#last - (this.#first ?? this.#last);
    return milliseconds > 0 ? (1000 * (this.#tokens - 1)) / milliseconds : null;
  }
}

/** Lines for stderr. */
export function renderStatistics(statistics: Statistics): string {
  const { promptTokens, generatedTokens, finishReason, seed, cacheBytes } = statistics;
  const { firstTokenMilliseconds, tokensPerSecond } = statistics;
  const speed = tokensPerSecond === null ? '' : `, ${decimals(tokensPerSecond)} tokens/s`;
  const first = firstTokenMilliseconds;
  return renderTable([
    ['prompt', `${count(promptTokens)} tokens`],
    ['first token', first === null ? 'none' : `after ${decimals(first)} ms`],
    ['generated', `${count(generatedTokens)} tokens${speed}`],
    ['finished', finishReason],
    ['cache', `${count(cacheBytes)} bytes`],
    ['seed', String(seed)],
  ]);
}
