import { TpaError } from '../base/errors.ts';

/** The error of a checkpoint that breaks its format; `subject` and `found` hold no file text. */
export function invalidCheckpoint(
  subject: string,
  expected: string,
  found: string | number | bigint,
): TpaError {
  return new TpaError('CHECKPOINT_INVALID', `${subject} expected ${expected}, found ${found}`, {
    data: { subject, expected, found: String(found) },
  });
}

/** The error of a checkpoint that keeps its format but holds what is not converted. */
export function unsupportedCheckpoint(subject: string, expected: string, found: string): TpaError {
  return new TpaError('MODEL_UNSUPPORTED', `${subject} expected ${expected}, found ${found}`, {
    data: { subject, expected, found },
  });
}
