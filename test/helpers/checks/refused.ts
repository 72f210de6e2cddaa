import * as assert from 'uvu/assert';
import { TpaError } from '../../../src/base/errors.ts';
import type { TpaErrorCode } from '../../../src/base/errors.ts';

/** Planted in hostile files; no error may repeat it. */
export const CANARY = 'cAnArY';

/** What an action throws or gives, at once or in time. */
export async function outcomeOf(action: () => unknown): Promise<unknown> {
  try {
    return await action();
  } catch (error) {
    return error;
  }
}

/** An action that is a caller's mistake, and the error that says so. */
export type Mistake = readonly [action: () => unknown, kind: ErrorConstructor, message: RegExp];

/** Asserts that each action throws or rejects with its error. */
export async function assertMistakes(mistakes: readonly Mistake[]): Promise<void> {
  for (const [action, kind, message] of mistakes) {
    const error = await outcomeOf(action);
    assert.instance(error, kind, `${action}: got ${String(error)}`);
    assert.match((error as Error).message, message);
  }
}

/**
 * Asserts that `action` is refused by a TpaError with one of the codes that quotes no file text. An
 * action may also resolve with the error, where its rejection had to be caught before.
 */
export async function refused(
  action: () => unknown,
  codes: TpaErrorCode | readonly TpaErrorCode[],
  label = '',
): Promise<TpaError> {
  const outcome = await outcomeOf(action);
  assert.instance(outcome, TpaError, `${label}: expected a TpaError, got ${String(outcome)}`);
  const error = outcome as TpaError;
  assert.ok([codes].flat().includes(error.code), `${label}: got ${error.code}: ${error.message}`);
  const texts = [error.message, String(error.cause), JSON.stringify(error.data)];
  assert.not.ok(texts.join('\n').includes(CANARY), `${label}: quotes the file: ${error.message}`);
  assert.not.match(error.message, /\n/, label);
  return error;
}
