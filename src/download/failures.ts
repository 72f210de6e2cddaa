import { TpaError, type TpaErrorData } from '../errors.ts';
import { printable } from '../format/printable.ts';

/** A wasm memory holds 4 GiB: weights beyond cannot be used. */
export const MAX_FILE_BYTES = 2 ** 32;

/** The error of a file whose bytes are more or fewer than the server said. */
export function wrongLength(
  file: string,
  expected: number,
  found: number,
  cause?: unknown,
): TpaError {
  const message = `"${printable(file)}" expected ${expected} bytes, received ${found}`;
  const data = { expected, found };
  return new TpaError('WEIGHTS_TRUNCATED', message, { data, ...(cause ? { cause } : {}) });
}

/** The error of an answer with other bytes than those asked for. */
export function wrongPlace(file: string, expected: number, found: string): TpaError {
  const message = `"${printable(file)}" expected bytes from ${expected} on, the server sent "${printable(found)}"`;
  return new TpaError('WEIGHTS_TRUNCATED', message, { data: { expected } });
}

/** The error of a file that is longer than any that can be used. */
export function tooLarge(file: string, needed: number, limit = MAX_FILE_BYTES): TpaError {
  const message = `"${printable(file)}" expected at most ${limit} bytes, found ${needed}`;
  return new TpaError('RESOURCE_LIMIT', message, { data: { needed, limit } });
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
  const message = `model file "${printable(file)}" expected from the server, got ${found}`;
  return new TpaError('MODEL_NOT_FOUND', message, cause === undefined ? { data } : { cause, data });
}
