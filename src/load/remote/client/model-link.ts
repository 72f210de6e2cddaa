import type { WorkerEvents, WorkerPort } from '../../../base/worker-port.ts';
import { TpaError } from '../../../base/errors.ts';
import { type Clock, within } from '../../../base/time.ts';
import type { BackendChange } from '../../../backend/backend-change.ts';
import type { ThreadsChange } from '../../../threads/threads.ts';
import type { MemoryInfo } from '../../../ops/runtime.ts';
import type { ModelInfo } from '../../model-info.ts';
import { type Answers, Channel } from '../channel.ts';
import type { CallerAsks, ModelState, WorkerAsks } from '../protocol.ts';

/** What a worker has to start: it may have 350 KB to fetch first. One that fails says so at once. */
const START_MS = 20_000;

/** What a worker has to end its own threads: Deno may wait for ever for threads of one that is ended. */
const LEAVE_MS = 100;

/** Starts a worker. Throws where none may be started. */
export type OpenPort = (events: WorkerEvents) => WorkerPort;

/**
 * The worker of one model: the way to it, and what is known of it without asking. It refers to
 * nothing that a program holds, so that a model that is forgotten can be collected.
 */
export class ModelLink {
  readonly channel: Channel<CallerAsks, WorkerAsks>;
  /** Told when another side computes. */
  onChange: ((change: BackendChange | ThreadsChange) => void) | undefined;
  #info: ModelInfo | undefined;
  #memory: MemoryInfo | undefined;
  #port: WorkerPort | undefined;
  #tellStarted: () => void = () => {};

  readonly #clock: Clock;
  #hasStarted = false;

  private constructor(answers: Answers<Omit<CallerAsks, OwnAsks>>, clock: Clock) {
    this.#clock = clock;
    this.channel = new Channel<CallerAsks, WorkerAsks>(
      (message, transfer) => this.#port?.post(message, transfer),
      {
        ...answers,
        hello: () => {
          this.#hasStarted = true;
          this.#tellStarted();
        },
        state: (state) => this.update(state),
        change: ({ change, ...state }) => {
          this.update(state);
          this.onChange?.(change);
        },
      },
    );
    this.channel.onWaiting = (isWaiting) => this.#port?.keepAlive(isWaiting);
  }

  /**
   * Starts a worker and waits until it says so.
   *
   * @param open throws where no worker may be started
   * @param answers what the worker asks
   * @throws what `open` throws; Error where the worker dies or does not start in time
   */
  static async open(
    open: OpenPort,
    answers: Answers<Omit<CallerAsks, OwnAsks>>,
    clock: Clock,
  ): Promise<ModelLink> {
    const link = new ModelLink(answers, clock);
    const started = new Promise<void>((resolve, reject) => {
      link.#tellStarted = resolve;
      link.#port = open({
        onMessage: (message) => link.channel.receive(message),
        onDead: (reason) => {
          reject(new Error(reason));
          link.#lose(reason);
        },
      });
    });
    link.#port?.post({ role: 'model' });
    link.#port?.keepAlive(true);
    try {
      await within(started, { clock, milliseconds: START_MS, late: tooLate });
      link.#port?.keepAlive(false);
      return link;
    } catch (error) {
      link.end(error);
      throw error;
    }
  }

  /** @throws what the channel was ended with */
  get info(): ModelInfo {
    this.channel.checkOpen();
    return this.#info!;
  }

  /** @throws what the channel was ended with */
  get memory(): MemoryInfo {
    this.channel.checkOpen();
    return this.#memory!;
  }

  /** Takes what is known from now on. */
  update({ memory, computing, info = this.#info }: ModelState & { info?: ModelInfo }): void {
    this.#memory = memory;
    this.#info = computing === undefined ? info : { ...info!, ...computing };
  }

  /** Ends the worker; what waits rejects with this error, as does what is asked from now on. */
  end(error: unknown): void {
    this.channel.tell('close', undefined);
    this.channel.end(error);
    const port = this.#port;
    this.#port = undefined;
    if (this.#hasStarted) this.#clock.after(LEAVE_MS, () => void port?.terminate());
    else void port?.terminate();
  }

  #lose(reason: string): void {
    const message = `the worker that had the model is gone: ${reason}; load the model again`;
    this.end(new TpaError('WORKER_LOST', message));
  }
}

/** What the link itself is told. */
export type OwnAsks = 'hello' | 'state' | 'change';

function tooLate(): Error {
  return new Error(`the worker did not start within ${START_MS / 1000} s`);
}
