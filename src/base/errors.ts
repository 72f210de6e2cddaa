/**
 * The closed set of reasons a {@link TpaError} can carry. Caller mistakes (a wrong type, a number
 * out of range) are `TypeError` and `RangeError` instead.
 */
export type TpaErrorCode =
  // model files
  | 'WEIGHTS_HEADER_SIZE'
  | 'WEIGHTS_HEADER_JSON'
  | 'WEIGHTS_TRUNCATED'
  | 'WEIGHTS_OFFSETS'
  | 'WEIGHTS_DUPLICATE_NAME'
  | 'WEIGHTS_NAME'
  | 'WEIGHTS_TOO_MANY'
  | 'WEIGHTS_SHAPE'
  | 'WEIGHTS_NONFINITE'
  | 'WEIGHTS_HASH'
  | 'WEIGHTS_CHANGED'
  | 'CONFIG_INVALID'
  | 'CHECKPOINT_INVALID'
  | 'MODEL_MISMATCH'
  | 'MODEL_NOT_FOUND'
  | 'MODEL_UNSUPPORTED'
  | 'PATH_ESCAPE'
  | 'TOKENIZER_INVALID'
  | 'TOKENIZER_MISSING'
  | 'CHAT_TEMPLATE_INVALID'
  | 'CHAT_TEMPLATE_MISSING'
  // snapshots
  | 'SNAPSHOT_INVALID'
  | 'SNAPSHOT_MISMATCH'
  // resources
  | 'RESOURCE_LIMIT'
  | 'OUT_OF_MEMORY'
  // requests
  | 'PROMPT_EMPTY'
  | 'PROMPT_TOO_LONG'
  | 'CONTEXT_OVERFLOW'
  | 'NONFINITE_LOGITS'
  | 'SESSION_BUSY'
  | 'DISPOSED'
  | 'ABORTED'
  // engines
  | 'WASM_BLOCKED'
  | 'SIMD_UNAVAILABLE'
  | 'BACKEND_UNAVAILABLE'
  | 'GPU_LOST'
  | 'GPU_OUT_OF_MEMORY'
  | 'KERNEL_TRAP'
  | 'WORKER_LOST';

/** Extra facts of an error, e.g. `{ needed, limit }` or `{ path, rule }`; never prompt or file text. */
export type TpaErrorData = Readonly<Record<string, string | number>>;

/**
 * Everything that can go wrong beyond a caller's mistake.
 *
 * @example
 * try {
 *   await loadModel('./missing');
 * } catch (error) {
 *   if (error instanceof TpaError && error.code === 'MODEL_NOT_FOUND') console.log('not there');
 * }
 */
export class TpaError extends Error {
  /** `'TpaError'`, in minified code too. */
  override readonly name = 'TpaError';
  /** Stable, machine-readable reason. */
  readonly code: TpaErrorCode;
  /** Whether the same call may succeed later without a change of its arguments. */
  readonly retryable: boolean;
  /** Numbers and names behind the message. */
  readonly data: TpaErrorData;

  /**
   * The library makes these.
   *
   * @param code the reason
   * @param message one line that names cause and cure
   * @param options more, where there is more
   * @param options.cause what went wrong below
   * @param options.data numbers and names behind the message
   */
  constructor(
    code: TpaErrorCode,
    message: string,
    options: { cause?: unknown; data?: TpaErrorData } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.data = options.data ?? {};
    this.retryable = RETRYABLE.has(code);
  }
}

const RETRYABLE: ReadonlySet<TpaErrorCode> = new Set([
  'WEIGHTS_CHANGED',
  'OUT_OF_MEMORY',
  'SESSION_BUSY',
  'ABORTED',
]);

/** The message of an error, or the text of whatever else was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Ends what was aborted.
 *
 * @param what is ended, as a sentence begins with it
 * @throws TpaError `ABORTED`
 */
export function checkAbort(signal: AbortSignal | undefined, what = 'loading'): void {
  if (signal?.aborted) throw abortedBy(signal, what);
}

/** The error of a load, or of something else, that a signal has ended. */
export function abortedBy({ reason }: AbortSignal, what = 'loading'): TpaError {
  return new TpaError('ABORTED', `${what} was aborted`, { cause: reason });
}

/** Kernels cannot be fetched, compiled or used. */
export function blocked(message: string, cause?: unknown): TpaError {
  return new TpaError('WASM_BLOCKED', message, cause === undefined ? {} : { cause });
}

/** There is no GPU, or none that is of use. */
export function unavailable(message: string, cause?: unknown): TpaError {
  return new TpaError('BACKEND_UNAVAILABLE', message, cause === undefined ? {} : { cause });
}

/** Why `"backend": "webgpu"` fails; an error that says so already stays as it is. */
export function webgpuUnavailable(reason: unknown): TpaError {
  const isPlain =
    reason instanceof TpaError &&
    (reason.code === 'BACKEND_UNAVAILABLE' || reason.code === 'MODEL_UNSUPPORTED');
  if (isPlain) return reason;
  const message = `"backend": "webgpu" is not available: ${messageOf(reason)}`;
  return unavailable(message, reason instanceof Error ? reason : undefined);
}

/** Longest name shown in a message: enough for any real tensor name, too short to smuggle a text. */
const MAX_SHOWN = 80;

/**
 * A name from a file as a message may show it: printable ASCII, quotes and backslashes escaped, at
 * most `maxLength` characters.
 */
export function printable(name: string, maxLength = MAX_SHOWN): string {
  const escaped = name
    .slice(0, maxLength + 1)
    .replace(
      /[^\x20-\x7e]|["\\]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return escaped.length <= maxLength ? escaped : `${escaped.slice(0, maxLength - 3)}...`;
}
