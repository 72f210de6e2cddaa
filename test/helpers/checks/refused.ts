import { inspect } from 'node:util';
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

/** What a refusal tells: a pattern of its message, or fields of its data; a text only labels the case. */
export type Told = string | RegExp | Readonly<Record<string, unknown>>;

/**
 * Asserts that `action` is refused by a TpaError with one of the codes that quotes no file text. An
 * action may also resolve with the error, where its rejection had to be caught before.
 */
export async function refused(
  action: () => unknown,
  codes: TpaErrorCode | readonly TpaErrorCode[],
  ...told: readonly Told[]
): Promise<TpaError> {
  const label = told.filter((one) => typeof one === 'string').join(' ');
  const outcome = await outcomeOf(action);
  assert.instance(outcome, TpaError, `${label}: expected a TpaError, got ${String(outcome)}`);
  const error = outcome as TpaError;
  assert.ok([codes].flat().includes(error.code), `${label}: got ${error.code}: ${error.message}`);
  const texts = [error.message, String(error.cause), JSON.stringify(error.data)];
  assert.not.ok(texts.join('\n').includes(CANARY), `${label}: quotes the file: ${error.message}`);
  assert.not.match(error.message, /\n/, label);
  for (const one of told) {
    if (typeof one === 'string') continue;
    if (one instanceof RegExp) assert.match(error.message, one, `${label}: ${error.message}`);
    else assert.equal({ ...error.data, ...one }, { ...error.data }, label);
  }
  return error;
}

/** {@link refused} for what `action` makes of each item, which is the label. */
export async function eachRefused<Item>(
  action: (item: Item) => unknown,
  codes: TpaErrorCode | readonly TpaErrorCode[],
  items: Iterable<Item>,
  ...told: readonly Told[]
): Promise<void> {
  for (const item of items) {
    await refused(() => action(item), codes, inspect(item, { breakLength: Infinity }), ...told);
  }
}
