import { loadHere } from '../../load-here.ts';
import type { LoadOptions } from '../../load-options.ts';
import type { LocalHost } from '../../local-host.ts';
import { Channel, Moved, type Post } from '../channel.ts';
import { packText } from '../crossing-text.ts';
import type {
  CallerAsks,
  CrossingOptions,
  ModelState,
  StepAnswer,
  StepAsk,
  WorkerAsks,
} from '../protocol.ts';
import { callerFetch } from './caller-fetch.ts';
import { callerCache, callerFiles } from './caller-files.ts';
import { callerGpuWorker } from './caller-gpu.ts';
import { Sequences } from './sequences.ts';

/** Whoever started this worker. */
export interface Parent {
  readonly post: Post;
  listen(handle: (message: unknown) => void): void;
}

/** Loads a model for the thread that started this one, and computes what it asks for. */
export function serveModel(parent: Parent): void {
  const served = new ServedModel(parent.post);
  parent.listen((message) => served.receive(message));
}

/** The model of this worker. */
class ServedModel {
  readonly #caller: Channel<WorkerAsks, CallerAsks>;
  #host: LocalHost | undefined;
  #sequences: Sequences | undefined;
  /** What the caller knows of who computes. */
  #told = '';

  constructor(post: Post) {
    this.#caller = new Channel<WorkerAsks, CallerAsks>(post, {
      load: (ask, signal) => this.#load(ask, signal),
      create: ({ sequence, cacheDtype }) => this.#change((all) => all.create(sequence, cacheDtype)),
      fork: ({ sequence, from }) => this.#change((all) => all.fork(sequence, from)),
      truncate: ({ sequence, length }) => this.#change((all) => all.truncate(sequence, length)),
      dispose: ({ sequence }) => this.#change((all) => all.dispose(sequence)),
      close: () => this.#host?.backend.dispose(),
      step: (ask, signal) => this.#step(ask, signal),
      savePiece: async (ask) => {
        const crc = await this.#sequences!.savePiece(ask);
        return new Moved({ target: ask.target, crc }, [ask.target.buffer]);
      },
      receive: (ask) => this.#change((all) => all.receive(ask)),
      loadPiece: async (ask) => {
        await this.#sequences!.loadPiece(ask);
        return new Moved({ piece: ask.piece, ...this.#state() }, [ask.piece.buffer]);
      },
      received: ({ sequence }) => this.#sequences!.received(sequence),
    });
    this.#caller.tell('hello', undefined);
  }

  receive(message: unknown): void {
    // the first one only says what this worker is for
    if (!Object.hasOwn(Object(message), 'role')) this.#caller.receive(message);
  }

  async #load(
    { source, options }: WorkerAsks['load']['ask'],
    signal: AbortSignal,
  ): Promise<WorkerAsks['load']['answer']> {
    const isAtHand = typeof source === 'object';
    const { host, config } = await loadHere(
      isAtHand ? '' : source,
      this.#optionsOf(options, signal),
      {
        filesAtHand: isAtHand ? callerFiles(this.#caller, source) : undefined,
        onText: async (parts) => {
          const { answer, transfer } = packText(parts);
          await this.#caller.ask('text', answer, { transfer });
        },
      },
    );
    this.#host = host;
    this.#sequences = new Sequences(host.backend);
    host.onChange = (change) => this.#caller.tell('change', { change, ...this.#state() });
    return { config, info: host.info(), ...this.#state() };
  }

  #optionsOf({ asks, ...options }: CrossingOptions, signal: AbortSignal): LoadOptions {
    return {
      ...options,
      signal,
      ...(asks.cache ? { cache: callerCache(this.#caller) } : {}),
      ...(asks.startGpuWorker
        ? { webgpu: { ...options.webgpu, worker: callerGpuWorker(this.#caller) } }
        : {}),
      ...(asks.fetch ? { fetch: callerFetch(this.#caller) } : {}),
      ...(asks.onProgress
        ? { onProgress: (progress) => this.#caller.tell('progress', progress) }
        : {}),
    };
  }

  async #step(ask: StepAsk, signal: AbortSignal): Promise<Moved<StepAnswer>> {
    try {
      const step = await this.#sequences!.step(ask, () => signal.aborted);
      return new Moved({ ...step, ...this.#state() }, [step.numbers.buffer as ArrayBuffer]);
    } catch (error) {
      this.#caller.tell('state', this.#state()); // there may be pages less
      throw error;
    }
  }

  #change(act: (sequences: Sequences) => void): void {
    act(this.#sequences!);
    this.#caller.tell('state', this.#state());
  }

  #state(): ModelState {
    const memory = this.#host!.memory();
    const computing = this.#host!.computing();
    const told = JSON.stringify(computing);
    if (told === this.#told) return { memory };
    this.#told = told;
    return { memory, computing };
  }
}
