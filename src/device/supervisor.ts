import { messageOf, TpaError } from '../base/errors.ts';
import { type Clock, within } from '../base/time.ts';
import { RetryPolicy } from './retry.ts';

/** Something outside the process that can go away at any time: a device, a worker. */
export interface Losable {
  /** Resolves with the reason once it is gone; never rejects. */
  readonly lost: Promise<string>;
  /** Lets it go at once, whatever it is doing; nothing is awaited. Idempotent. */
  dispose(): void;
}

/** What a {@link Supervisor} is made from. */
export interface SupervisorOptions<R extends Losable> {
  /** Makes one that is ready for use; an abort ends it and what it has made so far. */
  readonly open: (signal: AbortSignal) => Promise<R>;
  /** Milliseconds that opening may take. */
  readonly openDeadline: number;
  readonly clock: Clock;
  /** Numbers in [0, 1), `Math.random` unless given. */
  readonly random?: (() => number) | undefined;
  /** Called after one was dropped; it is disposed. */
  readonly onLost: (reason: string, resource: R) => void;
  /** Called after a later one was opened. */
  readonly onOpened: (resource: R) => void;
}

/** How a dispatcher chooses between the CPU and a GPU, and what its {@link Supervisor} is made from. */
export interface GpuChoice {
  /** `'auto'`: where it was measured to be faster; `'webgpu'`: the GPU, and without one starting throws. */
  readonly mode: 'auto' | 'webgpu';
  readonly clock?: Clock;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
}

/**
 * Milliseconds that opening may take: onnxruntime-web's wasm is fetched, weights of gigabytes go to
 * the device, shaders are compiled. With `'auto'` nobody asked for a GPU, and the CPU is ready.
 */
export const OPEN_DEADLINE = { auto: 30_000, webgpu: 120_000 } as const;

/**
 * Keeps one resource that can be lost, and after a loss opens another when someone asks for it and
 * the back-off has passed: in the background, at most 3 times in any 10 minutes. Between uses
 * nothing runs, not even a timer.
 */
export class Supervisor<R extends Losable> {
  readonly #options: SupervisorOptions<R>;
  readonly #policy: RetryPolicy;
  #resource: R | undefined;
  #opening: AbortController | undefined;
  #isFinal = false;
  #losses = 0;
  #reason = '';

  constructor(options: SupervisorOptions<R>) {
    this.#options = options;
    this.#policy = new RetryPolicy(options.random ?? Math.random);
  }

  /** The resource, if there is one. */
  get current(): R | undefined {
    return this.#resource;
  }

  /** How often one that worked went away. */
  get losses(): number {
    return this.#losses;
  }

  /** Why there is none, in words; '' before anything failed. */
  get reason(): string {
    return this.#reason;
  }

  /**
   * Opens the first one.
   *
   * @throws what `open` rejects with; TpaError `GPU_LOST` after the deadline, `ABORTED`
   */
  async start(signal?: AbortSignal): Promise<R> {
    try {
      return this.#keep(await this.#open(signal));
    } catch (error) {
      this.#failed(error);
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }

  /** {@link current}; if there is none, the next attempt begins when it is due, and is not waited for. */
  use(): R | undefined {
    const isIdle = this.#resource === undefined && this.#opening === undefined;
    if (isIdle && !this.#isFinal && this.#policy.isDue(this.#options.clock.now())) {
      this.#policy.attempted(this.#options.clock.now());
      void this.#reopen();
    }
    return this.#resource;
  }

  /** Lets this resource go, if it is still the one in use, and says why. */
  drop(resource: R, reason: string): void {
    if (this.#resource !== resource) return;
    this.#losses++;
    this.#reason = reason;
    this.#policy.failed(this.#options.clock.now());
    this.#letGo();
    this.#options.onLost(reason, resource);
  }

  /** Lets it go for good, and nothing is opened any more; idempotent. */
  dispose(): void {
    this.#isFinal = true;
    this.#opening?.abort();
    this.#letGo();
  }

  /** Never rejects. */
  async #reopen(): Promise<void> {
    try {
      const resource = await this.#open();
      if (this.#isFinal) resource.dispose();
      else this.#options.onOpened(this.#keep(resource));
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#opening = undefined;
    }
  }

  #keep(resource: R): R {
    this.#resource = resource;
    void resource.lost.then((reason) => this.drop(resource, reason));
    return resource;
  }

  #letGo(): void {
    const resource = this.#resource;
    this.#resource = undefined;
    resource?.dispose();
  }

  #failed(error: unknown): void {
    this.#reason = messageOf(error);
    this.#isFinal ||= error instanceof TpaError && this.#wouldMeetAgain(error);
    this.#policy.failed(this.#options.clock.now());
  }

  /** A driver that restarts has no adapter for a while; where there never was one, there is none. */
  #wouldMeetAgain({ code }: TpaError): boolean {
    if (code === 'MODEL_UNSUPPORTED') return true;
    return code === 'BACKEND_UNAVAILABLE' && this.#losses === 0;
  }

  /** `open` under the deadline; one that comes too late is disposed. */
  async #open(signal?: AbortSignal): Promise<R> {
    const opening = new AbortController();
    this.#opening = opening;
    const abort = (): void => opening.abort();
    signal?.addEventListener('abort', abort);
    const { open, openDeadline, clock } = this.#options;
    try {
      if (signal?.aborted === true) throw aborted();
      return await within(open(opening.signal), {
        clock,
        milliseconds: openDeadline,
        late() {
          opening.abort();
          return new TpaError('GPU_LOST', `the GPU did not open within ${openDeadline / 1000} s`);
        },
        signal: opening.signal,
        aborted,
        discard: (resource) => resource.dispose(),
      });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
}

function aborted(): TpaError {
  return new TpaError('ABORTED', 'opening the GPU was aborted');
}
