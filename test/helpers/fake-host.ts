import { Readable } from 'node:stream';
import type { Host } from '../../src/cli/host.ts';

/** A process that is none: what was written can be read. */
export interface FakeHost extends Host {
  readonly out: () => string;
  readonly err: () => string;
  readonly interrupt: AbortController;
}

/** How the pretended process was started. */
export interface FakeSettings {
  /** Whether stdout and stderr are a terminal; default false. */
  readonly isTTY?: boolean;
  /** What standard input holds; default nothing. */
  readonly stdin?: string;
}

/** A process that writes to memory. */
export function fakeHost({ isTTY = false, stdin = '' }: FakeSettings = {}): FakeHost {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    isTTY,
    columns: 80,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const interrupt = new AbortController();
  return {
    stdout: output('stdout'),
    stderr: output('stderr'),
    hasProgress: isTTY,
    signal: interrupt.signal,
    interrupt,
    openStdin: () => Readable.from([Buffer.from(stdin)]),
    out: () => written.stdout,
    err: () => written.stderr,
  };
}
