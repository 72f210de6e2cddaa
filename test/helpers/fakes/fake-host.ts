import { Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { tpa } from '../../../src/cli/tpa.ts';
import type { Host } from '../../../src/cli/terminal/host.ts';

/** A process that is none: what was written can be read. */
export interface FakeHost extends Host {
  readonly out: () => string;
  readonly err: () => string;
  readonly interrupt: AbortController;
  /** Ctrl-C, as a process passes it on. */
  readonly pressInterrupt: () => void;
}

/** How the pretended process was started. */
export interface FakeSettings {
  /** Whether stdout and stderr are a terminal; default false. */
  readonly isTTY?: boolean;
  /** What standard input holds; default nothing. */
  readonly stdin?: string;
  /** Lines typed on a terminal that can be read from; default no such terminal. */
  readonly typed?: readonly string[];
  /** Called after each piece that was written to stdout or stderr. */
  readonly onWrite?: (piece: string, host: FakeHost, to: 'stdout' | 'stderr') => unknown;
}

/** What a command line did, and its exit code. */
export async function runTpa(
  args: readonly string[],
  settings?: FakeSettings,
): Promise<FakeHost & { readonly code: number }> {
  const host = fakeHost(settings);
  return { ...host, code: await tpa(args, host) };
}

/** The object that a command line with `--json` prints; nothing may be on stderr. */
export async function runJson(args: readonly string[], settings?: FakeSettings) {
  const { code, out, err } = await runTpa([...args, '--json'], settings);
  assert.is(err(), '');
  assert.is(code, 0);
  return JSON.parse(out());
}

/** A process that writes to memory. */
export function fakeHost({
  isTTY = false,
  stdin = '',
  typed,
  onWrite,
}: FakeSettings = {}): FakeHost {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    isTTY,
    columns: 80,
    write: (text: string) => {
      written[name] += text;
      onWrite?.(text, host, name);
    },
  });
  const interrupt = new AbortController();
  let caught: (() => void) | undefined;
  const lines = [...(typed ?? [])];
  const host: FakeHost = {
    stdout: output('stdout'),
    stderr: output('stderr'),
    hasProgress: isTTY,
    signal: interrupt.signal,
    interrupt,
    pressInterrupt() {
      const handler = caught;
      caught = undefined;
      if (handler) handler();
      else interrupt.abort();
    },
    catchInterrupt(handler) {
      caught = handler;
      return () => {
        if (caught === handler) caught = undefined;
      };
    },
    openStdin: () => Readable.from([Buffer.from(stdin)]),
    openTerminal:
      typed &&
      (() => ({
        async read(prompt) {
          written.stdout += prompt;
          return lines.shift();
        },
        close() {},
      })),
    out: () => written.stdout,
    err: () => written.stderr,
  };
  return host;
}
