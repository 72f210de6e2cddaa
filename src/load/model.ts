import {
  type BackendChange,
  BackendChangeEvent,
  BackendChangeTarget,
} from '../backend/backend-change.ts';
import type { Backend } from '../backend/backend.ts';
import { ThreadsChangeEvent } from '../backend/threads-change.ts';
import type { GenerationDefaults } from '../format/config/generation-config.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { checkChoice, checkKnown, checkObject, checkSignal } from '../base/arguments.ts';
import { Context } from '../generate/context.ts';
import type { ScoreOptions, SessionOptions } from '../generate/options.ts';
import { Random } from '../generate/random.ts';
import { SamplingMemory } from '../generate/sampling.ts';
import { Session } from '../generate/session.ts';
import type { SessionHost } from '../generate/session-host.ts';
import { CACHE_DTYPES } from '../layout/cache-dtype.ts';
import type { MemoryInfo } from '../ops/runtime.ts';
import type { RestoreOptions } from '../snapshot/options.ts';
import type { SnapshotSource } from '../snapshot/source-reader.ts';
import type { TokenIds } from '../text/prompt.ts';
import type { TextTokenizer } from '../text/tokenizer.ts';
import type { ThreadsChange } from '../threads/threads.ts';
import type { ModelInfo } from './model-info.ts';
import type { OpenedText } from './open-text.ts';
import { logitsOf } from './positions.ts';

/** Where a model's weights are, and what computes with them: this thread or a worker. */
export interface ModelHost {
  readonly backend: Backend;
  /** Called when another side computes, or fewer threads. */
  set onChange(listener: (change: BackendChange | ThreadsChange) => void);
  /** @throws TpaError `DISPOSED`, `WORKER_LOST` */
  info(): ModelInfo;
  /** @throws TpaError `DISPOSED`, `WORKER_LOST` */
  memory(): MemoryInfo;
}

/** What a model may come with besides weights. */
export type TextOfModel = Partial<Pick<OpenedText, 'tokenizer' | 'chat' | 'defaults'>>;

/**
 * A loaded model. It owns the weights; each session owns its cache. The event
 * `'backendchange'` tells when a GPU was lost, or is there again, and `'threadschange'` when a thread
 * was lost; sessions go on as they were.
 *
 * @example
 * using model = await loadModel('models/t6-stories.gguf');
 * const text = await model.createSession().generate('Once upon a time', { seed: 7 }).text();
 */
export class Model extends BackendChangeTarget {
  /** Sizes and switches, as checked. */
  readonly config: ModelConfig;
  /** Text to ids and back; undefined if the model came without one. */
  readonly tokenizer: TextTokenizer | undefined;
  /** Whether it has a template for conversations that name none, so that `generate({ messages })` works. */
  readonly hasChatTemplate: boolean;
  /** Names of its chat templates, such as `default` and `tool_use`; none if it came without. */
  readonly chatTemplates: readonly string[];
  /** What `generation_config.json` asks for; defaults of `session.generate`. */
  readonly generationDefaults: GenerationDefaults;
  readonly #host: ModelHost;
  readonly #sessions: SessionHost;

  /** Use `loadModel`. @internal */
  constructor(host: ModelHost, config: ModelConfig, text: TextOfModel = {}) {
    super();
    const { tokenizer, chat, defaults = {} } = text;
    this.config = config;
    this.tokenizer = tokenizer;
    this.#host = host;
    this.hasChatTemplate = chat?.hasDefault ?? false;
    this.chatTemplates = Object.freeze(chat?.templates ?? []);
    this.generationDefaults = Object.freeze({ ...defaults });
    host.onChange = (change) => {
      const isOfThreads = 'threads' in change;
      this.dispatchEvent(
        isOfThreads ? new ThreadsChangeEvent(change) : new BackendChangeEvent(change),
      );
    };
    this.#sessions = {
      backend: host.backend,
      tokenizer,
      eosTokenIds: config.eosTokenIds,
      chat,
      generationDefaults: this.generationDefaults,
      sampling: new SamplingMemory(),
      sessions: new Set(),
    };
  }

  /**
   * As {@link restore}.
   *
   * @param options the snapshot, as `from`, and a signal
   */
  createSession(options: { from: SnapshotSource } & RestoreOptions): Promise<Session>;
  /**
   * An empty conversation.
   *
   * @param options how it caches
   * @throws TpaError `DISPOSED`, `WORKER_LOST`, `OUT_OF_MEMORY`; of a model in a worker its first
   *   step throws the last one
   */
  createSession(options?: SessionOptions): Session;
  createSession(
    options: { from?: SnapshotSource | undefined } & RestoreOptions & SessionOptions = {},
  ): Session | Promise<Session> {
    const known = ['from', 'signal', 'cacheDtype'];
    checkKnown('an option of createSession', checkObject('options', options), known);
    const { from, cacheDtype, ...rest } = options;
    if (cacheDtype !== undefined) checkChoice('cacheDtype', cacheDtype, CACHE_DTYPES);
    if (from !== undefined) {
      if (cacheDtype === undefined) return this.restore(from, rest);
      throw new TypeError('"cacheDtype" expected to be absent: a snapshot has one of its own');
    }
    const { backend } = this.#sessions;
    return new Session(this.#sessions, new Context(backend, backend.createSequence(cacheDtype)));
  }

  /**
   * The session that a snapshot of this model was taken of, by whatever runtime. Nothing is there
   * before the last byte is checked; what fails leaves nothing behind. Of a stream a piece of at
   * most 1 MB is held at a time.
   *
   * @param source the bytes, or a stream of them, which is read to its end or cancelled
   * @param options a signal that ends the call
   * @throws TypeError for another source or option; TpaError `SNAPSHOT_INVALID`, `SNAPSHOT_MISMATCH`,
   *   `CONTEXT_OVERFLOW`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`, `WORKER_LOST`; what the stream throws
   *
   * @example
   * await session.generate('Once upon a time', { maxTokens: 8, seed: 7 }).text();
   * const copy = await model.restore(await session.snapshot());
   * const more = await copy.generate('', { maxTokens: 8, seed: 'continue' }).text();
   */
  async restore(source: SnapshotSource, options: RestoreOptions = {}): Promise<Session> {
    checkKnown('an option of restore', checkObject('options', options), ['signal']);
    const signal = checkSignal('signal', options.signal);
    const { restoreSession } = await import('../snapshot/snapshots.ts');
    const { backend } = this.#sessions;
    const restored = await restoreSession(backend, source, signal);
    const { sequence, tokens, random, metadata } = restored;
    const context = new Context(backend, sequence, tokens, random && new Random(random));
    return new Session(this.#sessions, context, metadata);
  }

  /**
   * Logits of every position, on a cache of their own.
   *
   * @param ids 1 … contextLength token ids
   * @returns (ids.length, vocabSize)
   * @throws TypeError, RangeError for bad ids; TpaError `CONTEXT_OVERFLOW` before anything is
   *   computed, `NONFINITE_LOGITS`, `OUT_OF_MEMORY`, `DISPOSED`
   */
  logits(ids: TokenIds): Promise<Float32Array> {
    return logitsOf(this.#host.backend, ids);
  }

  /**
   * Log-probability of each token after the first, given all that stand before it, on a cache of
   * their own. Where the CPU computes, only these numbers leave the memory of wasm.
   *
   * @param ids 1 … contextLength token ids
   * @param options how; a signal ends it, seen between two chunks of at most 48 tokens on the CPU
   * @returns (ids.length - 1), natural logarithms: entry i is ln p(ids[i + 1] | ids[0 … i])
   * @throws TypeError, RangeError for bad ids or options; TpaError `CONTEXT_OVERFLOW` before anything
   *   is computed, `NONFINITE_LOGITS`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   *
   * @example
   * using model = await loadModel('models/t6-stories.gguf');
   * const ids = model.tokenizer!.encode('Once upon a time there was a king.');
   * const scores = await model.score(ids);
   * Math.exp(-scores.reduce((sum, score) => sum + score) / scores.length); // the perplexity
   */
  async score(ids: TokenIds, options: ScoreOptions = {}): Promise<Float32Array> {
    const session = this.createSession();
    try {
      return await session.score(ids, options);
    } finally {
      session.dispose();
    }
  }

  /** What computes, why, and sizes. */
  info(): ModelInfo {
    return this.#host.info();
  }

  /**
   * Bytes of the model's memory: weights, activations and every session's cache. Of a model in a
   * worker, as of its last answer.
   */
  memory(): MemoryInfo {
    return this.#host.memory();
  }

  /** Disposes every session and lets the memory go; idempotent. */
  dispose(): void {
    for (const session of this.#sessions.sessions) session.dispose();
    this.#host.backend.dispose();
  }

  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
