import { wrongLength } from './failures.ts';
import type { Patience } from './patience.ts';

/** A server that sends nothing for so long is as good as gone. */
export const STALL_MS = 30_000;
/** How long the end of a body may keep a download that has all its bytes. */
const END_MS = 1000;

/** The bytes of one answer. */
export class Body {
  readonly #file: string;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #controller: AbortController;
  /** Where the answer ends, counted from the start of the file. */
  readonly #end: number;
  #skip: number;
  #left: number;

  /**
   * @param start first byte of the answer, counted from the start of the file
   * @param wanted first byte of it that is wanted
   * @param end byte after its last; Infinity where the server does not say
   */
  constructor(
    file: string,
    stream: ReadableStream<Uint8Array> | null,
    controller: AbortController,
    start: number,
    wanted: number,
    end: number,
  ) {
    this.#file = file;
    this.#reader = stream?.getReader();
    this.#controller = controller;
    this.#end = end;
    this.#skip = wanted - start;
    this.#left = end - wanted;
  }

  /** Whether all that was promised has come, or nothing was promised. */
  get isComplete(): boolean {
    return this.#skip === 0 && (this.#left === 0 || this.#left === Infinity);
  }

  /**
   * The next bytes, maybe none; undefined at the end.
   *
   * @throws TpaError `WEIGHTS_TRUNCATED` where there are more than promised, `ABORTED`; another
   *   Error where the connection is lost
   */
  async read(patience: Patience): Promise<Uint8Array | undefined> {
    const chunk = await this.#next(patience, STALL_MS);
    if (chunk === undefined) return undefined;
    const skipped = Math.min(this.#skip, chunk.byteLength);
    this.#skip -= skipped;
    const wanted = chunk.subarray(skipped);
    if (wanted.byteLength > this.#left) throw this.#tooLong(wanted.byteLength - this.#left);
    this.#left -= wanted.byteLength;
    return wanted;
  }

  /**
   * After the last byte; a server that sends more must not be believed.
   *
   * @throws TpaError `WEIGHTS_TRUNCATED`, `ABORTED`
   */
  async expectEnd(patience: Patience): Promise<void> {
    const more = await this.#next(patience, END_MS).catch(() => undefined);
    patience.check();
    if (more?.byteLength) throw this.#tooLong(more.byteLength);
  }

  /** Lets the connection go. */
  cancel(): void {
    this.#controller.abort();
  }

  async #next(patience: Patience, milliseconds: number): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) return undefined;
    return (await patience.within(this.#reader.read(), milliseconds)).value;
  }

  #tooLong(by: number): Error {
    return wrongLength(this.#file, this.#end, this.#end + by);
  }
}
