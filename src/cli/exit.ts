import { TpaError } from '../index.ts';

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

/** The exit code and the line on stderr of a run that an error ended. */
export function explain(error: unknown, signal: AbortSignal): { code: ExitCode; message: string } {
  if (error instanceof UsageError) {
    return { code: EXIT_CODE.usage, message: `tpa: ${error.message}` };
  }
  const message = error instanceof Error ? error.message : String(error);
  const isAbort =
    error instanceof Error &&
    (error.name === 'AbortError' || (error instanceof TpaError && error.code === 'ABORTED'));
  if (isAbort && signal.aborted) return { code: EXIT_CODE.interrupted, message: 'interrupted' };
  const code = error instanceof TpaError ? error.code : 'UNEXPECTED';
  return { code: EXIT_CODE.failure, message: `error ${code}: ${message}` };
}
