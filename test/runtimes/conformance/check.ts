import * as assert from 'uvu/assert';
import type * as Tpa from '../../../src/index.ts';
import type { Assets } from './assets.ts';

/** What a check may use. */
export interface Subject {
  readonly tpa: typeof Tpa;
  readonly assets: Assets;
  /** The shipped model, `simd: 'baseline'`; every check makes sessions of its own. */
  readonly model: Tpa.Model;
  /** Writes down what must be the same in every runtime. */
  record(name: string, value: string | readonly number[]): void;
}

/** Checks by what they say. */
export type Checks = Readonly<Record<string, (subject: Subject) => Promise<void>>>;

/** Asserts that an action is refused with a code. @returns the error */
export async function refusedWith(
  { tpa }: Subject,
  code: Tpa.TpaErrorCode,
  action: () => unknown,
): Promise<Tpa.TpaError> {
  const error = await thrownBy(action);
  if (!(error instanceof tpa.TpaError)) throw new Error(`expected ${code}, got ${String(error)}`);
  assert.is(error.code, code, error.message);
  return error;
}

/** What an action throws. */
export async function thrownBy(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error, nothing was thrown');
}

/** Of the bits of numbers, hexadecimal. */
export async function sha256(values: Float32Array): Promise<string> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const digest = await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
