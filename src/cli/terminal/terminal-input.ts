import { createInterface } from 'node:readline';
import type { LineInput } from './host.ts';

/** The two sides of a terminal. */
export interface TerminalStreams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Lines with editing and a history.
 *
 * @param onInterrupt called for each Ctrl-C: a terminal that is edited on sends no signal
 * @param signal ends the input
 */
export function openTerminal(
  { input, output }: TerminalStreams,
  onInterrupt: () => void,
  signal: AbortSignal,
): LineInput {
  const lines = createInterface({ input, output, terminal: true, signal });
  lines.on('SIGINT', onInterrupt);
  const iterator = lines[Symbol.asyncIterator]();
  let isEnded = false;
  lines.once('close', () => {
    isEnded = true;
  });
  return {
    async read(prompt) {
      lines.setPrompt(prompt);
      if (!isEnded) lines.prompt();
      const { done, value } = await iterator.next();
      return done === true ? undefined : value;
    },
    close: () => lines.close(),
  };
}
