import { messageOf, TpaError, type TpaErrorData, printable } from '../../base/errors.ts';
import { isDenied } from '../../base/node.ts';

/** A wasm memory holds 4 GiB: weights beyond cannot be used. */
export const MAX_FILE_BYTES = 2 ** 32;
/** Causes that runtimes nest: 2 in Node. */
const MAX_CAUSES = 4;
const MAX_REASON_LENGTH = 200;

/** The error of a file whose bytes are more or fewer than the server said. */
export function wrongLength(
  file: string,
  expected: number,
  found: number,
  cause?: unknown,
): TpaError {
  const message = `the server promised ${expected} bytes of "${printable(file)}" and sent ${found}`;
  const data = { expected, found };
  return new TpaError('WEIGHTS_TRUNCATED', message, { data, ...(cause ? { cause } : {}) });
}

/** The error of an answer with other bytes than those asked for. */
export function wrongPlace(file: string, expected: number, found: string): TpaError {
  const message = `the server was asked for bytes from ${expected} on of "${printable(file)}" and sent "${printable(found)}"`;
  return new TpaError('WEIGHTS_TRUNCATED', message, { data: { expected } });
}

/** The error of a file that became another one while it was read. */
export function changed(file: string): TpaError {
  const message = `"${printable(file)}" changed on the server while it was downloaded; load again`;
  return new TpaError('WEIGHTS_CHANGED', message);
}

/** The error of a file that the server does not give. */
export function notServed(
  file: string,
  found: string,
  data: TpaErrorData,
  cause?: unknown,
): TpaError {
  const message = `the server did not give the model file "${printable(file)}": ${found}`;
  return new TpaError('MODEL_NOT_FOUND', message, cause === undefined ? { data } : { cause, data });
}

/** The error of a request without an answer: why, but for what may be secret in its address. */
export function noAnswer(file: string, { search }: URL, cause: unknown): TpaError {
  const reasons = causesOf(cause).map((error) => messageOf(error).replaceAll('"', "'"));
  const reason = reasons.filter((text) => text !== '').join(': ');
  const shown = search === '' ? reason : reason.replaceAll(search, '');
  return notServed(file, `no answer: ${printable(shown, MAX_REASON_LENGTH)}`, {}, cause);
}

/** Whether a request was forbidden, which asking again does not change: Deno without `--allow-net`. */
export function isForbidden(cause: unknown): boolean {
  return causesOf(cause).some(isDenied);
}

/** An error and the causes in it, the outermost first. */
function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let at = error; at !== undefined && causes.length < MAX_CAUSES;) {
    causes.push(at);
    at = at instanceof Error ? at.cause : undefined;
  }
  return causes;
}
