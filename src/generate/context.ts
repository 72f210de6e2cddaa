import { type Backend, inChunks, type Sequence } from '../backend/backend.ts';
import { checkAbort, TpaError } from '../base/errors.ts';
import { checkInteger } from '../base/arguments.ts';
import type { SavedSession } from '../snapshot/write.ts';
import { contextOverflow } from '../text/prompt.ts';
import { Random } from './random.ts';

/**
 * One conversation's state: the token ids, and a sequence of the backend that holds the factors of
 * the first of them. The sequence may lag behind (a sampled token is not evaluated before the next
 * one is asked for); whatever is missing is evaluated first. Every change is whole or not at all.
 */
export class Context {
  readonly cacheDtype: Sequence['cacheDtype'];
  readonly #backend: Backend;
  #sequence: Sequence;
  #ids: number[];
  #random: Random | undefined;
  #isHeld = false;
  #isComputing = false;
  #isDisposed = false;

  /** @param random those of the generation that appended the last ids */
  constructor(
    backend: Backend,
    sequence = backend.createSequence(),
    ids: readonly number[] = [],
    random?: Random,
  ) {
    this.cacheDtype = sequence.cacheDtype;
    this.#backend = backend;
    this.#sequence = sequence;
    this.#ids = [...ids];
    this.#random = random;
  }

  /** The token ids, to be copied before they are given away. */
  get ids(): readonly number[] {
    return this.#ids;
  }

  /** The random numbers that the last generation would have gone on with, if there was one. */
  get random(): Random | undefined {
    return this.#random;
  }

  get byteLength(): number {
    return this.#isDisposed ? 0 : this.#sequence.byteLength;
  }

  get isFull(): boolean {
    return this.#ids.length >= this.#backend.contextLength;
  }

  /** @throws TpaError `DISPOSED` */
  checkAlive(): void {
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the session is disposed');
  }

  /** @throws TpaError `DISPOSED`, or `SESSION_BUSY` while another call holds the context */
  checkFree(): void {
    this.checkAlive();
    if (!this.#isHeld) return;
    const message = 'the session is busy: another call is still running; await it first';
    throw new TpaError('SESSION_BUSY', message);
  }

  /**
   * {@link checkFree}, then keeps other calls out.
   *
   * @param holder the session, which is not collected before it is released
   * @returns lets others in again; only its first call counts
   */
  hold(holder: object): () => void {
    this.checkFree();
    this.#isHeld = true;
    let held: object | undefined = holder;
    return () => {
      if (held !== undefined) this.#isHeld = false;
      held = undefined;
    };
  }

  /**
   * @param kept tokens that stay before them, all unless given
   * @throws TpaError `CONTEXT_OVERFLOW` if `count` more tokens do not fit
   */
  checkRoom(count: number, kept = this.#ids.length): void {
    const limit = this.#backend.contextLength;
    const asked = kept + count;
    if (asked > limit) throw contextOverflow(asked, limit);
  }

  /**
   * Adds ids and evaluates all that was not evaluated yet, at least the last token; lets a
   * macrotask pass between chunks. The caller holds the context and has checked the room.
   *
   * @param isCancelled asked within and after every chunk; if so, everything is as before the call
   * @param row where logits may be written; fresh unless given
   * @returns logits of the last position (vocabSize), `undefined` if cancelled
   * @throws what the backend throws, with ids and cache as before; TpaError `DISPOSED`
   */
  async evaluate(
    added: readonly number[],
    isCancelled: () => boolean,
    row: Float32Array = new Float32Array(this.#backend.vocabSize),
  ): Promise<Float32Array | undefined> {
    this.checkAlive();
    const sequence = this.#sequence;
    if (added.length === 0 && sequence.length === this.#ids.length) {
      sequence.truncate(sequence.length - 1); // nobody kept the last logits
    }
    const before = sequence.length;
    const pending = [...this.#ids.slice(before), ...added];
    let isDone = false;
    try {
      let logits: Float32Array | undefined;
      const forward = async (ids: readonly number[]): Promise<void> => {
        logits = await this.#forward(ids, row, isCancelled);
      };
      if (!(await inChunks(sequence, pending, forward, isCancelled))) return undefined;
      for (const id of added) this.#ids.push(id);
      isDone = true;
      return logits;
    } finally {
      if (!isDone && !this.#isDisposed) sequence.truncate(before);
    }
  }

  /**
   * What the model says of ids that would follow, in a fork; the caller holds the context and has
   * checked the room. Ids that were not evaluated yet are in the fork alone.
   *
   * @param ids at least one, the last of which is not evaluated
   * @returns log-probabilities of those after the first (ids.length - 1)
   * @throws what the backend throws; TpaError `ABORTED`, `DISPOSED`
   */
  async score(ids: readonly number[], signal: AbortSignal | undefined): Promise<Float32Array> {
    const sequence = this.#sequence.fork();
    const pending = this.#ids.slice(sequence.length);
    const all = [...pending, ...ids];
    const next = all.slice(1);
    const scores = new Float32Array(next.length);
    const isCancelled = () => this.#isDisposed || signal?.aborted === true;
    const forward = async (rest: readonly number[], done: number): Promise<void> => {
      scores.set(await sequence.score(rest, next.slice(done), isCancelled), done);
    };
    try {
      await inChunks(sequence, all.slice(0, -1), forward, isCancelled);
      this.checkAlive();
      checkAbort(signal, 'scoring');
      return scores.slice(pending.length);
    } finally {
      sequence.dispose();
    }
  }

  /**
   * Makes `ids` the whole conversation: what it begins with and has in common with them stays
   * cached, the rest is forgotten and evaluated as {@link evaluate} does.
   *
   * @param ids at least one, no more than fit
   * @returns logits of the last position (vocabSize), `undefined` if cancelled
   * @throws as {@link evaluate}, with ids and cache as before; TpaError `OUT_OF_MEMORY`
   */
  async replace(
    ids: readonly number[],
    isCancelled: () => boolean,
    row?: Float32Array,
  ): Promise<Float32Array | undefined> {
    this.checkAlive();
    const before = this.#ids;
    const limit = Math.min(before.length, ids.length);
    let shared = 0;
    while (shared < limit && before[shared] === ids[shared]) shared++;
    if (shared === before.length) return this.evaluate(ids.slice(shared), isCancelled, row);

    const kept = this.#sequence.fork();
    this.#ids = [...before];
    let logits: Float32Array | undefined;
    try {
      this.truncate(shared);
      logits = await this.evaluate(ids.slice(shared), isCancelled, row);
      return logits;
    } finally {
      if (logits !== undefined || this.#isDisposed) {
        kept.dispose();
      } else {
        this.#sequence.dispose();
        this.#sequence = kept;
        this.#ids = before;
      }
    }
  }

  /**
   * Adds one id without evaluating it.
   *
   * @param random what it was drawn with, and the next one will be where a generation continues
   */
  append(id: number, random = this.#random): void {
    this.#ids.push(id);
    this.#random = random;
  }

  fork(): Context {
    const random = this.#random && new Random(this.#random.state);
    return new Context(this.#backend, this.#sequence.fork(), this.#ids, random);
  }

  /**
   * What a snapshot has of it, on a sequence of its own.
   *
   * @throws TpaError `OUT_OF_MEMORY`, `DISPOSED`, `WORKER_LOST`
   */
  save(): SavedSession {
    this.checkFree();
    const [model, random] = [this.#backend.identity, this.#random?.state];
    return { model, sequence: this.#sequence.fork(), tokens: [...this.#ids], random };
  }

  truncate(length: number): void {
    checkInteger('length', length, 0, this.#ids.length);
    if (length < this.#sequence.length) this.#sequence.truncate(length);
    this.#ids.length = length;
  }

  /** Frees the cache, after the running forward if there is one; idempotent. */
  dispose(): void {
    this.#isDisposed = true;
    if (!this.#isComputing) this.#sequence.dispose();
  }

  async #forward(
    ids: readonly number[],
    row: Float32Array,
    isCancelled: () => boolean,
  ): Promise<Float32Array> {
    this.checkAlive();
    this.#isComputing = true;
    const isEnded = () => this.#isDisposed || isCancelled();
    try {
      return await this.#sequence.forward(ids, 'last', row, isEnded);
    } finally {
      this.#isComputing = false;
      if (this.#isDisposed) this.#sequence.dispose();
      this.checkAlive();
    }
  }
}
