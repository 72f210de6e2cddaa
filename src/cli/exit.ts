import { TpaError, type TpaErrorCode } from '../index.ts';

/** What the process ends with; stable, documented by `tpa --help`. */
export const EXIT_CODE = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** One of {@link EXIT_CODE}. */
export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** A command line that tpa does not understand; its message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Enough to recognise what was typed. */
const MAX_SHOWN = 60;

/** A word of the command line as a message may show it: printable, short, quoted. */
export function shown(word: string): string {
  const start = word.length > MAX_SHOWN ? `${word.slice(0, MAX_SHOWN - 3)}...` : word;
  return `"${start.replaceAll(/\p{C}/gu, '?')}"`;
}

/** A run that an error ended. */
export interface Failure {
  readonly exitCode: ExitCode;
  /** That of the TpaError; `USAGE`, `ABORTED` or `UNEXPECTED` where there is none. */
  readonly code: TpaErrorCode | 'USAGE' | 'UNEXPECTED';
  /** Without line breaks. */
  readonly message: string;
}

/** What an error says of the run that it ended. */
export function explain(error: unknown, signal: AbortSignal): Failure {
  const text = error instanceof Error ? error.message : String(error);
  const message = text.replaceAll(/\s+/g, ' ');
  if (error instanceof UsageError) return { exitCode: EXIT_CODE.usage, code: 'USAGE', message };
  const code = error instanceof TpaError ? error.code : 'UNEXPECTED';
  const isAbort = code === 'ABORTED' || (error instanceof Error && error.name === 'AbortError');
  if (!isAbort || !signal.aborted) return { exitCode: EXIT_CODE.failure, code, message };
  return { exitCode: EXIT_CODE.interrupted, code: 'ABORTED', message: 'interrupted' };
}

/** The line on stderr, as text or as JSON with the code and the message. */
export function renderFailure({ exitCode, code, message }: Failure, isJson: boolean): string {
  if (isJson) return `${JSON.stringify({ code, message })}\n`;
  if (exitCode === EXIT_CODE.usage) return `tpa: ${message}\n`;
  return exitCode === EXIT_CODE.interrupted ? `${message}\n` : `error ${code}: ${message}\n`;
}
