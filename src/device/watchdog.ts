import { TpaError } from '../base/errors.ts';
import { type Clock, within } from '../base/time.ts';

/** A call may take 10 times as long as the slowest recent call of its kind … */
const SLACK = 10;
/** … and at least 10 s: a shared adapter can stall for seconds and come back. */
const LEAST = 10_000;
/** The first calls of a kind may take a minute: SwiftShader compiles a shader in 2 to 10 s. */
const FIRST = 60_000;
/** The third run of a graph, with other token counts each time, compiles no pipeline any more. */
const FIRST_CALLS = 3;
/** Calls of a kind that are remembered. */
const RECENT = 16;

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
   * Settles as `call` does, or rejects with TpaError `GPU_LOST` and data `{ kind, deadline }`
   * (milliseconds) once its deadline has passed, or with the reason of `signal` once that aborts.
   * What the call does after that is ignored.
   *
   * @param kind calls that take about the same time, e.g. 'decode'; a closed set of few
   */
  run<T>(kind: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const deadline = this.deadline(kind);
    const late = (): TpaError => {
      const message = `the GPU did not answer a ${kind} call within ${deadline / 1000} s`;
      return new TpaError('GPU_LOST', message, { data: { kind, deadline } });
    };
    const timed = async (): Promise<T> => {
      const started = this.#clock.now();
      const value = await call();
      this.#remember(kind, this.#clock.now() - started);
      return value;
    };
    return within(timed(), { clock: this.#clock, milliseconds: deadline, late, signal });
  }

  #remember(kind: string, milliseconds: number): void {
    const known = this.#kinds.get(kind) ?? { calls: 0, recent: [] };
    known.calls++;
    known.recent.push(milliseconds);
    if (known.recent.length > RECENT) known.recent.shift();
    this.#kinds.set(kind, known);
  }
}
