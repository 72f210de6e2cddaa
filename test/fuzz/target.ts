import { TpaError } from '../../src/base/errors.ts';
import type { Draw } from './draw.ts';

/** Something that takes what others wrote. */
export interface Target<Input = unknown> {
  readonly name: string;
  /** An input, of JSON values and bytes. */
  make(draw: Draw): Input;
  /**
   * Runs it once.
   *
   * @throws Violation where what came is wrong; a refusal is thrown on
   */
  run(input: Input): void | Promise<void>;
}

/** A target whose input only it knows. */
export function target<Input>(one: Target<Input>): Target {
  return { ...one, run: (input) => one.run(input as Input) };
}

/** Something that must hold does not. */
export class Violation extends Error {}

/** @throws Violation unless it holds */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Violation(what);
}

/** Begins as the messages of wrong arguments do, and as no message of an engine. */
const ARGUMENT = /^".*" (expected|is) /;

/** Whether an input was refused as it should be: by an error that says what was wrong with it. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof TpaError) return error.code !== undefined && error.message.length < 2000;
  const isMistake = error instanceof TypeError || error instanceof RangeError;
  return isMistake && ARGUMENT.test(error.message);
}
