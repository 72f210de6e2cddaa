import { TpaError } from '../index.ts';

/** Four million tokens of English, more than the longest context of any model. */
export const MAX_PROMPT_BYTES = 2 ** 24;

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
    if (bytes > MAX_PROMPT_BYTES) {
      const message = `expected a prompt of at most ${MAX_PROMPT_BYTES} UTF-8 bytes, found more`;
      throw new TpaError('PROMPT_TOO_LONG', message, { data: { limit: MAX_PROMPT_BYTES } });
    }
    prompt += decoder.decode(chunk, { stream: true });
  }
  return (prompt + decoder.decode()).replace(/\r?\n$/, '');
}
