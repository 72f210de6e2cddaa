import * as assert from 'uvu/assert';
import { TpaError } from '../../../src/base/errors.ts';
import type { TpaErrorCode } from '../../../src/base/errors.ts';

/** Planted in hostile files; no error may repeat it. */
export const CANARY = 'cAnArY';

/** Asserts that `action` is refused by a TpaError with one of the codes that quotes no file text. */
export async function refused(
  action: () => unknown,
  codes: TpaErrorCode | readonly TpaErrorCode[],
  label = '',
): Promise<TpaError> {
  let outcome: unknown;
  try {
    outcome = await action();
  } catch (error) {
    outcome = error;
  }
  assert.instance(outcome, TpaError, `${label}: expected a TpaError, got ${String(outcome)}`);
  const error = outcome as TpaError;
  assert.ok([codes].flat().includes(error.code), `${label}: got ${error.code}: ${error.message}`);
  const texts = [error.message, String(error.cause), JSON.stringify(error.data)];
  assert.not.ok(texts.join('\n').includes(CANARY), `${label}: quotes the file: ${error.message}`);
  assert.not.match(error.message, /\n/, label);
  return error;
}
