import { messageOf, TpaError, type TpaErrorCode, type TpaErrorData } from '../../base/errors.ts';

/** What of a thrown value crosses a border: a clone of an error would have lost its class and its fields. */
export interface CrossingError {
  /** The number that its thread keeps it under. */
  readonly number: number;
  /** Whether it comes home: then the number is of the thread that it is sent to. */
  readonly isHome: boolean;
  readonly name: string;
  readonly message: string;
  readonly code?: TpaErrorCode;
  readonly data?: TpaErrorData;
  readonly cause?: CrossingError;
}

/** Causes of causes; a circle of them ends here. */
const MAX_DEPTH = 8;
/** Errors of one thread that may still come home. */
const MAX_KEPT = 64;

/**
 * Errors on their way over one border. One that comes home is the very one that went: a caller gets
 * back what its own `fetch` has thrown.
 */
export class ErrorCrossing {
  readonly #kept = new Map<number, unknown>();
  readonly #foreign = new WeakMap<Error, number>();
  #next = 0;

  /** As it crosses. */
  pack(error: unknown, depth = 0): CrossingError {
    const foreign = error instanceof Error ? this.#foreign.get(error) : undefined;
    const isHome = foreign !== undefined;
    const number = foreign ?? this.#keep(error);
    const name = error instanceof Error ? error.name : 'Error';
    const packed = { number, isHome, name, message: messageOf(error) };
    const { cause } = Object(error) as { cause?: unknown };
    return {
      ...packed,
      ...(error instanceof TpaError ? { code: error.code, data: error.data } : {}),
      ...(cause === undefined || depth === MAX_DEPTH ? {} : { cause: this.pack(cause, depth + 1) }),
    };
  }

  /** What has crossed, of its own class. */
  unpack(packed: CrossingError): unknown {
    const { number, isHome } = packed;
    if (isHome && this.#kept.has(number)) return this.#kept.get(number);
    const error = this.#revive(packed);
    if (!isHome) this.#foreign.set(error, number);
    return error;
  }

  #revive({ name, message, code, data = {}, cause }: CrossingError): Error {
    const options = cause === undefined ? {} : { cause: this.unpack(cause) };
    if (code !== undefined) return new TpaError(code, message, { ...options, data });
    if (name === 'TypeError') return new TypeError(message, options);
    if (name === 'RangeError') return new RangeError(message, options);
    return Object.assign(new Error(message, options), { name });
  }

  #keep(error: unknown): number {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size === MAX_KEPT) this.#kept.delete(oldest!);
    this.#kept.set(++this.#next, error);
    return this.#next;
  }
}
