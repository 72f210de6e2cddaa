import type { Backend, ModelIdentity, Sequence } from '../../../backend/backend.ts';
import { TpaError } from '../../../base/errors.ts';
import { type Clock, systemClock } from '../../../base/time.ts';
import type { ModelConfig } from '../../../format/config/model-config.ts';
import type { CacheDtype } from '../../../layout/cache-dtype.ts';
import type { StepAsk } from '../protocol.ts';
import { CacheMirror, cacheForm } from './cache-mirror.ts';
import type { ModelLink } from './model-link.ts';
import { RemoteIncoming } from './remote-incoming.ts';

/** More ids than any side takes in a step: what a long prompt has besides need not cross each time. */
const MAX_SENT = 1024;
/** How often a step in the worker is asked for whether anybody still wants it: once a frame. */
const ASK_MS = 16;

/** A backend in a worker. Sequences are made, forked and cut by messages that wait for no answer. */
export class RemoteBackend implements Backend<RemoteSequence> {
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly #link: ModelLink;
  readonly #config: ModelConfig;
  readonly #clock: Clock;
  /** Memory that logits came in, which the worker may have again. */
  #spare: Float32Array | undefined;
  /** Memory that a piece of a cache came in. */
  #spareBytes: Uint8Array<ArrayBuffer> | undefined;
  #next = 0;

  constructor(link: ModelLink, config: ModelConfig, clock = systemClock(true)) {
    this.contextLength = config.contextLength;
    this.vocabSize = config.vocabSize;
    this.#link = link;
    this.#config = config;
    this.#clock = clock;
  }

  get identity(): ModelIdentity {
    const { fingerprint } = this.#link.info;
    return { config: this.#config, fingerprint };
  }

  /** An empty sequence. Where the worker has no memory for it, its first step rejects. */
  createSequence(cacheDtype = this.#cacheDtype): RemoteSequence {
    this.#link.channel.checkOpen();
    const sequence = this.#next++;
    this.#link.channel.tell('create', { sequence, cacheDtype });
    return new RemoteSequence(this, sequence, this.#mirror(cacheDtype));
  }

  receive(
    lengths: readonly number[],
    cacheDtype = this.#cacheDtype,
  ): RemoteIncoming<RemoteSequence> {
    this.#link.channel.checkOpen();
    const sequence = this.#next++;
    this.#link.channel.tell('receive', { sequence, lengths, cacheDtype });
    const become = () => new RemoteSequence(this, sequence, this.#mirror(cacheDtype, lengths));
    return new RemoteIncoming(this.#link, sequence, become);
  }

  /** Ends the worker; what is asked of it rejects with `DISPOSED`. */
  dispose(): void {
    this.#link.end(new TpaError('DISPOSED', 'the model is disposed'));
  }

  /** The same tokens under a number of their own. */
  fork(from: number): number {
    this.#link.channel.checkOpen();
    const sequence = this.#next++;
    this.#link.channel.tell('fork', { sequence, from });
    return sequence;
  }

  truncate(sequence: number, length: number): void {
    this.#link.channel.tell('truncate', { sequence, length });
  }

  forget(sequence: number): void {
    this.#link.channel.tell('dispose', { sequence });
  }

  /** As {@link Sequence.savePiece}; memory for one piece goes there and back. */
  async savePiece(
    sequence: number,
    piece: number,
    target: Uint8Array,
    cacheDtype: CacheDtype,
  ): Promise<number> {
    const spare = this.#spareBytes;
    this.#spareBytes = undefined;
    const fits = spare?.byteLength === target.byteLength;
    const memory = fits ? spare! : new Uint8Array(target.byteLength);
    const ask = { sequence, piece, target: memory, cacheDtype };
    const answer = await this.#link.channel.ask('savePiece', ask, { transfer: [memory.buffer] });
    target.set(answer.target);
    this.#spareBytes = answer.target;
    return answer.crc;
  }

  /**
   * A step of a sequence, and how long it is then.
   *
   * @param row where the logits of one token may be written
   */
  async step(
    ask: StepAsk,
    row: Float32Array | undefined,
    isCancelled: (() => boolean) | undefined,
  ): Promise<{ numbers: Float32Array; length: number }> {
    const spare = ask.want === 'last' ? this.#spare : undefined;
    if (spare !== undefined) this.#spare = undefined;
    const controller = new AbortController();
    const stop = isCancelled && this.#watch(isCancelled, controller);
    try {
      const transfer = [ask.ids.buffer, ...(spare === undefined ? [] : [spare.buffer])];
      const { numbers, length, ...state } = await this.#link.channel.ask(
        'step',
        { ...ask, row: spare },
        { transfer: transfer as ArrayBuffer[], signal: controller.signal },
      );
      this.#link.update(state);
      if (row === undefined || ask.want !== 'last') return { numbers, length };
      row.set(numbers);
      this.#spare = numbers;
      return { numbers: row, length };
    } finally {
      stop?.();
    }
  }

  /** How sequences store factors that are not told otherwise. */
  get #cacheDtype(): CacheDtype {
    return this.#link.info.cacheDtype;
  }

  #mirror(cacheDtype: CacheDtype, lengths?: readonly number[]): CacheMirror {
    return new CacheMirror(cacheForm(this.#config, cacheDtype), lengths);
  }

  /** @returns ends the watch */
  #watch(isCancelled: () => boolean, controller: AbortController): () => void {
    const look = (): void => {
      if (isCancelled()) controller.abort();
      else cancel = this.#clock.after(ASK_MS, look);
    };
    let cancel = this.#clock.after(ASK_MS, look);
    return () => cancel();
  }
}

/** A context in a worker. */
export class RemoteSequence implements Sequence {
  readonly #backend: RemoteBackend;
  readonly #number: number;
  readonly #mirror: CacheMirror;
  #isDisposed = false;

  constructor(backend: RemoteBackend, number: number, mirror: CacheMirror) {
    this.#backend = backend;
    this.#number = number;
    this.#mirror = mirror;
  }

  get length(): number {
    return this.#mirror.length;
  }

  get byteLength(): number {
    return this.#isDisposed ? 0 : this.#mirror.byteLength;
  }

  get cacheDtype(): CacheDtype {
    return this.#mirror.cacheDtype;
  }

  get lengths(): readonly number[] {
    return this.#mirror.lengths;
  }

  forward(
    ids: readonly number[],
    rows: 'last' | 'all' = 'last',
    row?: Float32Array,
    isCancelled?: () => boolean,
  ): Promise<Float32Array> {
    return this.#step(ids, rows, row, isCancelled);
  }

  score(
    ids: readonly number[],
    next: readonly number[],
    isCancelled?: () => boolean,
  ): Promise<Float32Array> {
    return this.#step(ids, Int32Array.from(next.slice(0, MAX_SENT)), undefined, isCancelled);
  }

  async savePiece(piece: number, target: Uint8Array, dtype = this.cacheDtype): Promise<number> {
    this.#checkAlive();
    return this.#backend.savePiece(this.#number, piece, target, dtype);
  }

  truncate(length: number): void {
    this.#checkAlive();
    this.#mirror.truncate(length);
    this.#backend.truncate(this.#number, length);
  }

  fork(): RemoteSequence {
    this.#checkAlive();
    const number = this.#backend.fork(this.#number);
    return new RemoteSequence(this.#backend, number, this.#mirror.fork());
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#backend.forget(this.#number);
  }

  async #step(
    ids: readonly number[],
    want: StepAsk['want'],
    row?: Float32Array,
    isCancelled?: () => boolean,
  ): Promise<Float32Array> {
    this.#checkAlive();
    const sent = Int32Array.from(ids.slice(0, MAX_SENT));
    const ask = { sequence: this.#number, ids: sent, want };
    const { numbers, length } = await this.#backend.step(ask, row, isCancelled);
    this.#mirror.commit(length);
    return numbers;
  }

  #checkAlive(): void {
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the session is disposed');
  }
}
