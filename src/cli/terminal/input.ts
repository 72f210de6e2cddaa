import { TpaError } from '../../index.ts';

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
  const message = `expected a prompt of at most ${MAX_PROMPT_BYTES} UTF-8 bytes, found more`;
  return new TpaError('PROMPT_TOO_LONG', message, { data: { limit: MAX_PROMPT_BYTES } });
}
