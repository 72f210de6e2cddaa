/** What the process ends with; stable, documented by `tpa --help`. */
export const EXIT_CODE = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** One of {@link EXIT_CODE}. */
export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];
