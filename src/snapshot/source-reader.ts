import { checkAttached, mismatch } from '../base/arguments.ts';
import { checkAbort } from '../base/errors.ts';
import { invalid } from './header.ts';

/** A snapshot at hand, or as it comes. */
export type SnapshotSource = Uint8Array | ReadableStream<Uint8Array>;

/** Reads a source in order. Of a stream no more is held than one of its chunks and what is asked for. */
export class SourceReader {
  readonly #signal: AbortSignal | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #onAbort = (): void => this.close();
  #chunk: Uint8Array;
  /** Where bytes of several chunks are joined. */
  #joined = new Uint8Array(0);
  #isClosed = false;

  /** @throws TypeError for another source, or a stream that somebody else reads */
  constructor(source: SnapshotSource, signal: AbortSignal | undefined) {
    this.#signal = signal;
    if (isBytes(source)) {
      this.#chunk = checkAttached('source', source);
    } else if (isStream(source)) {
      this.#chunk = new Uint8Array(0);
      this.#reader = source.getReader();
      // a read that waits ends then
      signal?.addEventListener('abort', this.#onAbort);
    } else {
      throw new TypeError(mismatch('source', 'a Uint8Array or a ReadableStream of them', source));
    }
  }

  /**
   * The next bytes, which are there until the next call.
   *
   * @throws TpaError `SNAPSHOT_INVALID` where there are less, `ABORTED`; what the stream throws
   */
  async read(count: number): Promise<Uint8Array> {
    if (this.#chunk.length >= count) return this.#take(count);
    if (this.#joined.length < count) this.#joined = new Uint8Array(count);
    const joined = this.#joined.subarray(0, count);
    for (let filled = 0; filled < count;) {
      if (this.#chunk.length === 0 && !(await this.#pull()))
        throw invalid('the snapshot is truncated');
      const part = this.#take(Math.min(count - filled, this.#chunk.length));
      joined.set(part, filled);
      filled += part.length;
    }
    return joined;
  }

  /** @throws TpaError `SNAPSHOT_INVALID` where there are more bytes; as {@link read} */
  async end(): Promise<void> {
    while (this.#chunk.length === 0) if (!(await this.#pull())) return;
    throw invalid('the snapshot has more bytes than its header says');
  }

  /** Lets the stream go, of which nothing more is wanted; idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#reader?.cancel().catch(() => {}); // whoever made it may fail at that too
    this.#reader?.releaseLock();
  }

  /** @returns false at the end */
  async #pull(): Promise<boolean> {
    checkAbort(this.#signal, 'reading a snapshot');
    if (this.#reader === undefined) return false;
    const { done, value } = await this.#reader.read();
    checkAbort(this.#signal, 'reading a snapshot');
    if (done) return false;
    if (!isBytes(value)) throw new TypeError(mismatch('source', 'chunks of Uint8Array', value));
    this.#chunk = value;
    return true;
  }

  #take(count: number): Uint8Array {
    const taken = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return taken;
  }
}

/** Of any realm. */
function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

function isStream(value: unknown): value is ReadableStream<Uint8Array> {
  return typeof value === 'object' && value !== null && 'getReader' in value;
}
