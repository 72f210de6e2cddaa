import { TpaError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';

/** A call may take so many times as long as the slowest of the recent ones of its kind … */
const SLACK = 10;
/** … and at least so many milliseconds: a shared adapter can stall for seconds and come back. */
const LEAST = 10_000;
/** What the first calls of a kind may take: shaders are compiled, 2 to 10 s each on SwiftShader. */
const FIRST = 60_000;
/** The third run of a graph, with other token counts each time, compiles no pipeline any more. */
const FIRST_CALLS = 3;
/** Calls of a kind that are remembered. */
const RECENT = 16;

/** A call under a deadline. */
export interface Watched<T> {
  readonly settled: Promise<T>;
  /** Rejects `settled`, unless it has settled. */
  fail(error: TpaError): void;
}

/** Runs calls that may never settle, each under a deadline made from the ones of its kind before. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { calls: number; recent: number[] }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that the next call of this kind may take. */
  deadline(kind: string): number {
    const { calls = 0, recent = [] } = this.#kinds.get(kind) ?? {};
    const usual = Math.max(LEAST, SLACK * Math.max(0, ...recent));
    return calls < FIRST_CALLS ? Math.max(FIRST, usual) : usual;
  }

  /**
   * Starts a call; `settled` settles as it does, or rejects with TpaError `GPU_LOST` and data
   * `{ kind, deadline }` (milliseconds) once its deadline has passed, or with what `fail` is given.
   * What the call does after that is of no interest to anyone.
   *
   * @param kind calls that take about the same time, e.g. 'decode'; a closed set of few
   */
  start<T>(kind: string, call: () => Promise<T>): Watched<T> {
    const deadline = this.deadline(kind);
    const started = this.#clock.now();
    const { promise, resolve, reject } = withResolvers<T>();
    const cancel = this.#clock.after(deadline, () => {
      const message = `the GPU expected to answer a ${kind} call within ${deadline} ms, it did not`;
      reject(new TpaError('GPU_LOST', message, { data: { kind, deadline } }));
    });
    const watch = async (): Promise<void> => {
      try {
        const value = await call();
        this.#remember(kind, this.#clock.now() - started);
        resolve(value);
      } catch (error) {
        reject(error);
      } finally {
        cancel();
      }
    };
    void watch();
    const fail = (error: TpaError): void => {
      cancel();
      reject(error);
    };
    return { settled: promise, fail };
  }

  #remember(kind: string, milliseconds: number): void {
    const known = this.#kinds.get(kind) ?? { calls: 0, recent: [] };
    known.calls++;
    known.recent.push(milliseconds);
    if (known.recent.length > RECENT) known.recent.shift();
    this.#kinds.set(kind, known);
  }
}

/** A promise and what settles it; `Promise.withResolvers` is missing from Node 20. */
function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}
