import { createInterface } from 'node:readline';
import { TpaError } from '../../index.ts';
import type { LineInput } from './host.ts';

/** Four million tokens of English, more than the longest context of any model. */
export const MAX_PROMPT_BYTES = 2 ** 24;

/**
 * Cuts a stream into lines, each without its end (`\n` or `\r\n`).
 *
 * @throws TpaError `PROMPT_TOO_LONG` for a line beyond {@link MAX_PROMPT_BYTES}
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, undefined, undefined> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of input) {
    const parts = decoder.decode(chunk, { stream: true }).split('\n');
    for (const part of parts.slice(0, -1)) {
      yield [...pieces, part].join('').replace(/\r$/, '');
      pieces = [];
      length = 0;
    }
    pieces.push(parts.at(-1)!);
    length += parts.at(-1)!.length;
    if (length > MAX_PROMPT_BYTES) throw tooLong();
  }
  const last = pieces.join('') + decoder.decode();
  if (last !== '') yield last.replace(/\r$/, '');
  return undefined;
}

/** Lines of standard input, where nobody sits at a terminal. */
export function openPipe(stdin: AsyncIterable<Uint8Array>): LineInput {
  const lines = readLines(stdin);
  return {
    async read() {
      const { done, value } = await lines.next();
      return done === true ? undefined : value;
    },
    close: () => void lines.return(undefined),
  };
}

/** The two sides of a terminal. */
export interface TerminalStreams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Lines with editing and a history.
 *
 * @param onInterrupt called for each Ctrl-C: a terminal with line editing sends no signal
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

/**
 * Reads a prompt to its end; one final line break, which `echo` and editors add, is not part of it.
 *
 * @throws TpaError `PROMPT_TOO_LONG`
 */
export async function readPrompt(input: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let prompt = '';
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.byteLength;
    if (bytes > MAX_PROMPT_BYTES) throw tooLong();
    prompt += decoder.decode(chunk, { stream: true });
  }
  return (prompt + decoder.decode()).replace(/\r?\n$/, '');
}

function tooLong(): TpaError {
  const message = `the prompt has more than ${MAX_PROMPT_BYTES} UTF-8 bytes; shorten it`;
  return new TpaError('PROMPT_TOO_LONG', message, { data: { limit: MAX_PROMPT_BYTES } });
}
