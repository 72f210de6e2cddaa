import { TpaError } from '../../base/errors.ts';
import { tooLarge, truncated } from '../../format/files/byte-source.ts';
import { Body, STALL_MS } from './body.ts';
import {
  changed,
  isForbidden,
  MAX_FILE_BYTES,
  noAnswer,
  notServed,
  wrongLength,
} from './failures.ts';
import { checkResponse, type Network } from './network.ts';
import type { OpenBodies } from './open-bodies.ts';
import type { Patience } from './patience.ts';
import { Retries } from './retries.ts';
import { checkUnchanged, isPage, readServed, type Served, type Version } from './served.ts';

/** Statuses of a file that is not there. */
export const ABSENT: ReadonlySet<number> = new Set([404, 410]);
/** Every model has one of these: another status is reported, and does not count as "file missing". */
const REQUIRED = /^config\.json$|\.gguf$/i;

/** The error of an answer that ends a load, whatever else its status would mean. */
export type Refusal = (address: URL, response: Response) => TpaError | undefined;

/** What the downloads of one model share. */
export interface Link {
  readonly network: Network;
  readonly patience: Patience;
  readonly bodies: OpenBodies;
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly refusal: Refusal | undefined;
  /** Bytes to ask for at once, from a byte on; the rest of the file unless given. */
  readonly pieceBytes?: (from: number) => number;
}

/**
 * A file that arrives piece by piece, each byte once, whatever happens to the connection. The
 * server is asked for `bytes=0-` first, so that it says how long the file is and compresses nothing.
 */
export class Download {
  readonly #file: string;
  readonly #address: URL;
  readonly #link: Link;
  readonly #retries: Retries;
  /** What the first answer said. */
  #first: Served | undefined;
  #body: Body | undefined;
  #position: number;

  /**
   * Use {@link openDownload} where the first answer is of interest.
   *
   * @param position first byte that is read
   */
  constructor(file: string, address: URL, link: Link, position = 0) {
    this.#position = position;
    this.#file = file;
    this.#address = address;
    this.#link = link;
    this.#retries = new Retries(link.patience);
  }

  /** Bytes of the file, where the server says. */
  get size(): number | undefined {
    return this.#first?.size;
  }

  /** Whether the answer was a part of the file, and does not say of how large a one. */
  get hidesSize(): boolean {
    return this.#first?.size === undefined && this.#first?.length !== undefined;
  }

  /** What tells this version of the file from another. */
  get version(): Version {
    return this.#first?.version ?? {};
  }

  /**
   * Waits for the first answer.
   *
   * @returns false where there is no such file
   */
  async open(): Promise<boolean> {
    this.#body = await this.#connect();
    return this.#body !== undefined;
  }

  /**
   * The next bytes, undefined at the end.
   *
   * @throws TpaError `WEIGHTS_TRUNCATED`, `WEIGHTS_CHANGED`, `MODEL_NOT_FOUND`, `RESOURCE_LIMIT`,
   *   `ABORTED`
   */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#position !== this.size) {
      this.#body ??= await this.#connect();
      const body = this.#body;
      if (body === undefined) throw changed(this.#file);
      try {
        const chunk = await body.read(this.#link.patience);
        if (chunk === undefined) {
          this.suspend();
          if (!body.isComplete) await this.#broken(new Error('the body ended early'));
          else if (this.size === undefined) return undefined;
        } else if (chunk.byteLength > 0) {
          await this.#received(chunk.byteLength, body);
          return chunk;
        }
      } catch (cause) {
        this.suspend();
        if (cause instanceof TpaError) throw cause;
        await this.#broken(cause);
      }
    }
    this.suspend();
    return undefined;
  }

  /** Goes on at another byte. */
  seek(position: number): void {
    if (position === this.#position) return;
    this.suspend();
    this.#position = position;
  }

  /** Lets the connection go; the next byte is asked for when it is needed. */
  suspend(): void {
    this.#body?.cancel();
    this.#body = undefined;
    this.#link.bodies.release(this);
  }

  async #received(bytes: number, body: Body): Promise<void> {
    this.#position += bytes;
    this.#retries.progressed(bytes);
    if (this.#position > MAX_FILE_BYTES) {
      throw tooLarge(this.#file, this.#position, MAX_FILE_BYTES);
    }
    if (this.#position !== this.size) return;
    await body.expectEnd(this.#link.patience);
    this.suspend();
  }

  /** The body from the next byte on; undefined where there is no such file. */
  async #connect(): Promise<Body | undefined> {
    const { network, patience, bodies, headers, pieceBytes } = this.#link;
    for (;;) {
      patience.check();
      bodies.admit(this);
      const controller = new AbortController();
      const letGo = (): void => {
        controller.abort();
        bodies.release(this);
      };
      const from = this.#first?.isEncoded ? 0 : this.#position;
      const last = pieceBytes === undefined ? '' : from + pieceBytes(from) - 1;
      const init = {
        headers: { ...headers, range: `bytes=${from}-${last}` },
        signal: controller.signal,
      };
      let response: Response;
      try {
        response = await patience.within(network.fetch(this.#address, init), STALL_MS);
      } catch (cause) {
        letGo();
        const error = noAnswer(this.#file, this.#address, cause);
        patience.check();
        if (isForbidden(cause)) throw error;
        await this.#failed(error);
        continue;
      }
      try {
        const body = this.#accept(response, from, controller);
        if (body !== undefined) return body;
      } catch (error) {
        letGo();
        throw error;
      }
      letGo();
      if (this.#isAbsence(response)) return undefined;
      const { status } = response;
      const error = notServed(this.#file, `HTTP status ${status}`, { status });
      await this.#failed(error, response.headers.get('retry-after'));
    }
  }

  /** The body of an answer; undefined where the file is absent or is to be asked for again. */
  #accept(response: Response, from: number, controller: AbortController): Body | undefined {
    checkResponse(response);
    const refusal = this.#link.refusal?.(this.#address, response);
    if (refusal !== undefined) throw refusal;
    const { body, ok, status } = response;
    const file = this.#file;
    if (status === 416) {
      if (this.#first !== undefined) throw changed(file);
      // There is no byte 0 in an empty file.
      this.#first = { start: 0, length: 0, size: 0, isEncoded: false, version: {} };
      return new Body(file, null, controller, 0, 0, 0);
    }
    if (this.#isAbsence(response) || status === 429 || status >= 500) return undefined;
    if (!ok) throw notServed(file, `HTTP status ${status}`, { status });
    if (isPage(response)) throw notServed(file, 'an HTML page', { status });
    const served = readServed(file, response, from, this.#link.pieceBytes !== undefined);
    // If-Range would ask for the same, but few servers allow it from another origin.
    checkUnchanged(file, (this.#first ??= served), served);
    const { start, length } = served;
    const end = length === undefined ? (this.size ?? Infinity) : start + length;
    return new Body(file, body, controller, start, this.#position, end);
  }

  /** Buckets that do not list answer 403 for what they lack, servers of single-page apps a page. */
  #isAbsence(response: Response): boolean {
    if (ABSENT.has(response.status)) return true;
    const mayLack = this.#first === undefined && !REQUIRED.test(this.#file);
    return mayLack && (response.status === 403 || isPage(response));
  }

  /** The connection ended before the body did. */
  async #broken(cause: unknown): Promise<void> {
    const { size } = this;
    await this.#failed(
      size === undefined
        ? truncated(this.#file, this.#position + 1, this.#position)
        : wrongLength(this.#file, size, this.#position, cause),
    );
  }

  /** Waits before the next try; what went wrong is thrown where there is none. */
  async #failed(error: TpaError, retryAfter: string | null = null): Promise<void> {
    this.#link.patience.check();
    if (await this.#retries.again(retryAfter)) return;
    const { size } = this;
    // Where a part has come, the error says how much.
    const isStarted = size !== undefined && error.code === 'MODEL_NOT_FOUND';
    throw isStarted ? wrongLength(this.#file, size, this.#position, error) : error;
  }
}

/** A download whose first answer has come; undefined where there is no such file. */
export async function openDownload(
  file: string,
  address: URL,
  link: Link,
): Promise<Download | undefined> {
  const download = new Download(file, address, link);
  return (await download.open()) ? download : undefined;
}
