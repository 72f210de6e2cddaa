import { TpaError, type TpaErrorCode, printable } from '../base/errors.ts';

/** The error of a checkpoint that breaks its format; `subject` and `found` hold no file text. */
export function invalidCheckpoint(
  subject: string,
  expected: string,
  found: string | number | bigint,
): TpaError {
  return misfit('CHECKPOINT_INVALID', subject, expected, String(found));
}

/** The error of a checkpoint that keeps its format but holds what is not converted. */
export function unsupportedCheckpoint(subject: string, expected: string, found: string): TpaError {
  return misfit('MODEL_UNSUPPORTED', subject, expected, found);
}

function misfit(code: TpaErrorCode, subject: string, expected: string, found: string): TpaError {
  const message = `${subject} expected ${expected}, found ${found}`;
  return new TpaError(code, message, { data: { subject, expected, found } });
}

/** The error of a tensor that does not fit the configuration, or is missing. */
export function tensorMismatch(name: string, expected: string, found: string): TpaError {
  const tensor = printable(name);
  const message = `tensor "${tensor}" expected ${expected}, found ${found}`;
  return new TpaError('MODEL_MISMATCH', message, { data: { tensor, expected, found } });
}
