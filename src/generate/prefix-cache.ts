import { checkInteger, checkKnown, checkObject, checkSignal, mismatch } from '../base/arguments.ts';
import { checkAbort, TpaError } from '../base/errors.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import type { Conversation } from '../text/messages.ts';
import { contextOverflow, readPieces, type TokenIds } from '../text/prompt.ts';
import { Context } from './context.ts';
import { promptReader } from './generation-task.ts';
import type { SessionOptions } from './options.ts';
import { type Found, PrefixStore, sharedTokens } from './prefix-store.ts';
import { hostOf, Session } from './session.ts';
import type { SessionHost } from './session-host.ts';

/** What makes the sessions of a store, a model. */
export interface SessionMaker {
  /**
   * An empty session.
   *
   * @param options how it caches
   */
  createSession(options?: SessionOptions): Session;
}

/** Options of a {@link PrefixCache}. */
export interface PrefixCacheOptions {
  /** Bytes of cache that the store may keep; what was not used for longest goes first. */
  readonly bytes: number;
}

/** How {@link PrefixCache.session} makes a session. */
export interface PrefixSessionOptions extends SessionOptions {
  /** Ends the call, default none; the store stays as it was. */
  readonly signal?: AbortSignal;
}

/** What a store has done and holds. */
export interface PrefixStats {
  /** Sessions that began with tokens of the store. */
  readonly hits: number;
  /** Sessions that did not. */
  readonly misses: number;
  /** Tokens that were not evaluated again. */
  readonly reusedTokens: number;
  /** Prefixes that are kept. */
  readonly entries: number;
  /** Bytes that they refer to; pages that several share count in each, so that it is never less. */
  readonly bytes: number;
}

/**
 * Keeps what prompts begin with, so that a system prompt is evaluated once for a thousand sessions: a
 * session begins as a fork of the longest prefix that is kept, in tokens, and shares its pages. Every
 * prompt is kept in turn; what a session was given stays its own when the store lets go of it. Prompts
 * that begin alike and come together wait for the first of them.
 *
 * @example
 * const prefixes = new PrefixCache(model, { bytes: 64e6 });
 * const session = await prefixes.session('Once upon a time there was a fox. One day');
 * const story = await session.generate([]).text();
 */
export class PrefixCache {
  readonly #model: SessionMaker;
  readonly #store: PrefixStore;
  /** Prompts that are being evaluated, and what settles when they are kept or have failed. */
  readonly #pending = new Map<readonly number[], Promise<unknown>>();
  #isDisposed = false;
  #hits = 0;
  #misses = 0;
  #reused = 0;

  /**
   * @param model whose sessions begin here
   * @param options how much is kept
   * @throws TypeError, RangeError for odd arguments
   */
  constructor(model: SessionMaker, options: PrefixCacheOptions) {
    if (typeof (model as Partial<SessionMaker> | null)?.createSession !== 'function') {
      throw new TypeError(mismatch('model', 'a model', model));
    }
    checkKnown('an option of PrefixCache', checkObject('options', options), ['bytes']);
    this.#store = new PrefixStore(checkInteger('bytes', options.bytes, 0, Number.MAX_SAFE_INTEGER));
    this.#model = model;
  }

  /** What it has done so far. */
  get stats(): PrefixStats {
    const [hits, misses, reusedTokens] = [this.#hits, this.#misses, this.#reused];
    const { size: entries, bytes } = this.#store;
    return { hits, misses, reusedTokens, entries, bytes };
  }

  /**
   * A session that holds a prompt, all but its last token evaluated: `session.generate([])` answers it.
   *
   * @param prompt as of `session.generate`
   * @param options a signal, and how the session caches
   * @throws as `session.generate` and `model.createSession`; TpaError `PROMPT_EMPTY`, `ABORTED`,
   *   `CONTEXT_OVERFLOW`; the store stays as it was
   */
  async session(
    prompt: string | TokenIds | Conversation | Conversation['messages'],
    options: PrefixSessionOptions = {},
  ): Promise<Session> {
    const known = ['signal', 'cacheDtype'];
    checkKnown('an option of session', checkObject('options', options), known);
    const signal = checkSignal('signal', options.signal);
    const isCancelled = (): boolean => signal?.aborted === true || this.#isDisposed;
    if (this.#isDisposed) throw disposed();
    const { cacheDtype } = options;
    const empty = this.#model.createSession(cacheDtype === undefined ? {} : { cacheDtype });
    try {
      const host = hostOf(empty);
      const ids = await this.#read(host, prompt, isCancelled);
      checkAbort(signal, 'reading the prompt');
      const before = ids.slice(0, -1);
      let ahead = this.#ahead(before, empty.cacheDtype);
      for (; ahead.length > 0; ahead = this.#ahead(before, empty.cacheDtype)) {
        await Promise.allSettled(ahead);
      }
      const evaluating = this.#begin(host, ids, empty.cacheDtype, signal);
      this.#pending.set(ids, evaluating);
      try {
        return await evaluating;
      } finally {
        this.#pending.delete(ids);
      }
    } finally {
      empty.dispose();
    }
  }

  /** Lets go of all prefixes; sessions that began with them go on. */
  clear(): void {
    this.#store.clear();
  }

  /** {@link clear}, for good; calls that still run reject with `DISPOSED`. Idempotent. */
  dispose(): void {
    this.#isDisposed = true;
    this.clear();
  }

  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  async #read(host: SessionHost, prompt: unknown, isCancelled: () => boolean): Promise<number[]> {
    const { contextLength } = host.backend;
    const checkCount = (count: number): void => {
      if (count > contextLength) throw contextOverflow(count, contextLength);
    };
    const ids = await readPieces(await promptReader(host, prompt)([]), checkCount, isCancelled);
    if (this.#isDisposed) throw disposed();
    if (ids?.length === 0)
      throw new TpaError('PROMPT_EMPTY', 'the prompt has no tokens; pass some');
    return ids ?? [];
  }

  /** Prompts on their way that have more in common with `ids` than what is kept. */
  #ahead(ids: readonly number[], dtype: CacheDtype): Promise<unknown>[] {
    const kept = this.#store.longest(ids, dtype)?.shared ?? 0;
    const others = Array.from(this.#pending).filter(([other]) => sharedTokens(other, ids) > kept);
    return others.map(([, evaluating]) => evaluating);
  }

  /** The rest of a prompt evaluated, kept, and a session that goes on from there. */
  async #begin(
    host: SessionHost,
    ids: readonly number[],
    dtype: CacheDtype,
    signal: AbortSignal | undefined,
  ): Promise<Session> {
    const isCancelled = (): boolean => signal?.aborted === true || this.#isDisposed;
    const before = ids.slice(0, -1);
    const found = this.#store.longest(before, dtype);
    const context =
      found?.entry.context.fork() ?? new Context(host.backend, host.backend.createSequence(dtype));
    try {
      const kept = found?.shared ?? 0;
      if (context.ids.length > kept) context.truncate(kept);
      if (before.length > kept) {
        await context.evaluate(before.slice(kept), isCancelled);
        if (this.#isDisposed) throw disposed();
        checkAbort(signal, 'evaluating the prompt');
      }
      this.#count(found);
      if (before.length > kept) this.#store.keep(before, context.fork(), host);
      for (const id of ids.slice(context.ids.length)) context.append(id);
      return new Session(host, context);
    } catch (error) {
      context.dispose();
      throw error;
    }
  }

  #count(found: Found | undefined): void {
    if (found === undefined) {
      this.#misses++;
      return;
    }
    this.#hits++;
    this.#reused += found.shared;
    this.#store.use(found.entry);
  }
}

function disposed(): TpaError {
  return new TpaError('DISPOSED', 'the prefix cache is disposed');
}
