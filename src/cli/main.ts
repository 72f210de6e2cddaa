#!/usr/bin/env node
import { addAbortSignal } from 'node:stream';
import { EXIT_CODE } from './exit.ts';
import type { Output } from './terminal/host.ts';
import { openTerminal } from './terminal/input.ts';
import { tpa } from './tpa.ts';

const { argv, env, stderr, stdin, stdout } = process;
const interrupt = new AbortController();
let caught: (() => void) | undefined;

process.on('SIGINT', onInterrupt);
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that closes the pipe early, as `| head` does, is no failure.
    if (error.code === 'EPIPE') process.exit(EXIT_CODE.ok);
    if (stream === stdout) stderr.write(`error ${error.code}: stdout cannot be written\n`);
    process.exit(EXIT_CODE.failure);
  });
}

// Not process.exit, which would cut off what a pipe has not taken yet.
process.exitCode = await tpa(argv.slice(2), {
  stdout: output(stdout),
  stderr: output(stderr),
  hasProgress: stderr.isTTY === true && env['TERM'] !== 'dumb',
  signal: interrupt.signal,
  catchInterrupt(handler) {
    caught = handler;
    return () => {
      if (caught === handler) caught = undefined;
    };
  },
  openStdin: () => addAbortSignal(interrupt.signal, stdin),
  openTerminal:
    stdin.isTTY && stdout.isTTY
      ? () => openTerminal({ input: stdin, output: stdout }, onInterrupt, interrupt.signal)
      : undefined,
});

function onInterrupt(): void {
  const handler = caught;
  caught = undefined;
  if (handler !== undefined) return handler();
  if (interrupt.signal.aborted) process.exit(EXIT_CODE.interrupted);
  interrupt.abort();
}

function output(stream: NodeJS.WriteStream): Output {
  return {
    isTTY: stream.isTTY === true, // undefined for a pipe
    get columns() {
      return stream.columns;
    },
    write: (text) => stream.write(text),
  };
}
