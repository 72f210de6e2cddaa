import { Context } from './context.ts';
import { checkInteger, checkKnown, checkObject, checkSignal } from '../base/arguments.ts';
import { whenForgotten } from '../base/forgotten.ts';
import { Generation } from './generation.ts';
import { generationTask } from './generation-task.ts';
import type { SessionHost } from './session-host.ts';
import type { Conversation } from '../text/messages.ts';
import {
  checkSnapshotOptions,
  type SnapshotMetadata,
  type SnapshotOptions,
} from '../snapshot/options.ts';
import { snapshotStream } from '../snapshot/stream.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import type { GenerateOptions, ScoreOptions } from './options.ts';
import { readSomeIds, type TokenIds } from '../text/prompt.ts';

/** What a model has lent to a session, for stores of sessions alone. */
export let hostOf: (session: Session) => SessionHost;

/**
 * One conversation with a model: token ids and their cached factors. One call at a time; a second
 * one throws `SESSION_BUSY`. A call that fails leaves the session as it was,
 * and a generation what it had given. A session that a program forgets is freed when it is collected,
 * which may be late: dispose of it.
 *
 * @example
 * const session = model.createSession();
 * const generation = session.generate('Once', { seed: 7 });
 * for await (const { text } of generation) process.stdout.write(text);
 * session.dispose();
 */
export class Session {
  /** What `metadata` was given with the snapshot that the session was restored from, if any. */
  readonly metadata: SnapshotMetadata | undefined;
  readonly #host: SessionHost;
  readonly #context: Context;

  static {
    hostOf = (session) => session.#host;
  }

  /** Made by `model.createSession()`. @internal @throws TpaError `OUT_OF_MEMORY`, `DISPOSED` */
  constructor(
    host: SessionHost,
    context: Context = new Context(host.backend),
    metadata?: SnapshotMetadata,
  ) {
    this.metadata = metadata;
    this.#host = host;
    this.#context = context;
    const { sessions } = host;
    sessions.add(context);
    whenForgotten(this, () => {
      sessions.delete(context);
      context.dispose();
    });
  }

  /** Tokens of the conversation, including one that was generated but not evaluated yet. */
  get length(): number {
    return this.#context.ids.length;
  }

  /** A copy of the token ids. */
  get tokens(): number[] {
    return [...this.#context.ids];
  }

  /** How the session caches factors. */
  get cacheDtype(): CacheDtype {
    return this.#context.cacheDtype;
  }

  /** Bytes of cache this session refers to; pages shared with a fork count in both. */
  get byteLength(): number {
    return this.#context.byteLength;
  }

  /**
   * Adds tokens, a chunk at a time.
   *
   * @param ids at least one
   * @returns logits of the last position (vocabSize)
   * @throws TypeError, RangeError for bad ids; TpaError `CONTEXT_OVERFLOW` before anything is
   *   computed, `SESSION_BUSY`, `DISPOSED`, `OUT_OF_MEMORY`, `NONFINITE_LOGITS`
   *
   * @example
   * const logits = await session.prefill(model.tokenizer!.encode('Once upon'));
   */
  async prefill(ids: TokenIds): Promise<Float32Array> {
    return this.#evaluate(readSomeIds('ids', ids, this.#host.backend));
  }

  /**
   * Adds one token.
   *
   * @param id 0 … vocabSize - 1
   * @returns logits of its position (vocabSize)
   * @throws as {@link prefill}
   *
   * @example
   * const logits = await session.decode(42);
   */
  async decode(id: number): Promise<Float32Array> {
    return this.#evaluate([checkInteger('id', id, 0, this.#host.backend.vocabSize - 1)]);
  }

  /**
   * Log-probability of each token after the first, given the conversation and all that stand before
   * it. The session stays as it was: continuations of one text are compared without computing the
   * text anew for each. Where the CPU computes, only these numbers leave the memory of wasm.
   *
   * @param ids 1 … contextLength token ids, the last of which needs no room
   * @param options how; a signal ends it, seen between two chunks of at most 48 tokens on the CPU
   * @returns (ids.length - 1), natural logarithms: entry i is ln p(ids[i + 1] | tokens, ids[0 … i])
   * @throws as {@link prefill}; TypeError for odd options; TpaError `ABORTED`
   *
   * @example
   * const ids = model.tokenizer!.encode('Once upon a time there was a');
   * await session.prefill(ids.slice(0, -1)); // the last one stands before each answer
   * const answer = model.tokenizer!.encode(' king');
   * const scores = await session.score([...ids.slice(-1), ...answer]);
   */
  async score(ids: TokenIds, options: ScoreOptions = {}): Promise<Float32Array> {
    const added = readSomeIds('ids', ids, this.#host.backend);
    checkKnown('an option of score', checkObject('options', options), ['signal']);
    const signal = checkSignal('signal', options.signal);
    const release = this.#context.hold(this);
    try {
      this.#context.checkRoom(added.length - 1);
      return await this.#context.score(added, signal);
    } finally {
      release();
    }
  }

  /**
   * Continues the conversation after a prompt; an empty one continues from where it is. Nothing is
   * computed before the first token is asked for, and no token before it is asked for.
   *
   * Messages are the conversation from its beginning, written by the model's chat template, and the
   * answer follows, or goes on where `continueFinalMessage` says so. The session becomes that
   * conversation; as many of its tokens as the two begin with are not evaluated again, so a list of
   * messages that grows costs only what is new.
   *
   * @param prompt text or token ids to add, or messages, alone or as `{ messages, tools, … }`; text
   *   never turns into special tokens
   * @param options how; what is left out is as the model asks, else the library's default
   * @throws TypeError, RangeError for odd arguments; TpaError `TOKENIZER_MISSING`,
   *   `CHAT_TEMPLATE_MISSING`, `PROMPT_TOO_LONG`, `CONTEXT_OVERFLOW` for ids that fit no context,
   *   `SESSION_BUSY`, `DISPOSED`. Iterating throws `PROMPT_EMPTY`, `CHAT_TEMPLATE_INVALID`,
   *   `CONTEXT_OVERFLOW` before anything is computed, and whatever the backend throws
   *
   * @example
   * const story = await session.generate('Once upon a time', { maxTokens: 80, seed: 7 }).text();
   */
  generate(
    prompt: string | TokenIds | Conversation | Conversation['messages'],
    options?: GenerateOptions,
  ): Generation {
    return new Generation(generationTask(this.#host, this.#context, this, prompt, options));
  }

  /**
   * A second session with the same tokens; the cache is shared until either changes it.
   *
   * @throws TpaError `SESSION_BUSY`, `DISPOSED`, `OUT_OF_MEMORY`
   */
  fork(): Session {
    this.#context.checkFree();
    return new Session(this.#host, this.#context.fork(), this.metadata);
  }

  /**
   * The conversation as a file: tokens, what is cached of them, and where the random numbers stand.
   * `model.restore()` of the same model goes on with it in any runtime. The session is free at once:
   * the snapshot is of the moment of the call.
   *
   * @param options how, and what is kept with it
   * @throws TypeError, RangeError for odd options; TpaError `SESSION_BUSY`, `ABORTED`, `DISPOSED`,
   *   `OUT_OF_MEMORY`, `WORKER_LOST`
   *
   * @example
   * const bytes = await session.snapshot({ metadata: { title: 'A story' } });
   * const resumed = await model.restore(bytes);
   */
  async snapshot(options: SnapshotOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const checked = checkSnapshotOptions(options);
    const saved = this.#context.save();
    try {
      const { writeSnapshot } = await import('../snapshot/snapshots.ts');
      return await writeSnapshot(saved, checked);
    } finally {
      saved.sequence.dispose();
    }
  }

  /**
   * {@link snapshot} as a stream: a piece of at most 1 MB is made when it is read. Cancelling the
   * stream frees what it holds.
   *
   * @param options how, and what is kept with it
   * @throws as {@link snapshot}, what comes of making a piece from the stream
   *
   * @example
   * const answer = new Response(session.snapshotStream()); // of a server
   */
  snapshotStream(options: SnapshotOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const checked = checkSnapshotOptions(options);
    return snapshotStream(this.#context.save(), checked);
  }

  /**
   * Forgets the tokens from position `length` on.
   *
   * @param length tokens that stay
   * @throws TypeError, RangeError unless 0 <= length <= session.length; TpaError `SESSION_BUSY`,
   *   `DISPOSED`
   */
  truncate(length: number): void {
    this.#context.checkFree();
    this.#context.truncate(length);
  }

  /** Frees the cache; a running call rejects with `DISPOSED` within a token or a chunk of a prompt. Idempotent. */
  dispose(): void {
    this.#context.dispose();
    this.#host.sessions.delete(this.#context);
  }

  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  async #evaluate(added: readonly number[]): Promise<Float32Array> {
    const release = this.#context.hold(this);
    try {
      this.#context.checkRoom(added.length);
      return (await this.#context.evaluate(added, () => false))!;
    } finally {
      release();
    }
  }
}
