import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { errorCode } from '../../base/node.ts';
import { TpaError } from '../../index.ts';
import { shown, UsageError } from '../exit.ts';
import type { Host } from '../terminal/host.ts';

/** Ten million tokens of English; 64 MB of letters at random take 1.4 GB to tokenise. */
export const MAX_TEXT_BYTES = 2 ** 25;

/** A text to score. */
export interface TextFile {
  readonly text: string;
  /** UTF-8 bytes of the file. */
  readonly bytes: number;
  /** SHA-256 of these bytes, in hexadecimal digits. */
  readonly hash: string;
}

/**
 * Reads a text to its end, from standard input where the path is `-`.
 *
 * @param word of the command line that the path is given by
 * @throws UsageError for a file that cannot be read or is not UTF-8; TpaError `PROMPT_TOO_LONG` beyond
 *   {@link MAX_TEXT_BYTES}, which are then not read
 */
export async function readText(path: string, host: Host, word = 'FILE'): Promise<TextFile> {
  const name = path === '-' ? 'standard input' : shown(path);
  const input = path === '-' ? host.openStdin() : createReadStream(path, { signal: host.signal });
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of input as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > MAX_TEXT_BYTES) throw tooLong(name);
      hash.update(chunk);
      chunks.push(chunk);
    }
  } catch (error) {
    const code = errorCode(error);
    if (typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) throw error;
    const message = `"${word}" expected a file that can be read, got ${name} (${code})`;
    throw new UsageError(message, { cause: error });
  }
  const content = Buffer.concat(chunks);
  if (!isUtf8(content)) {
    throw new UsageError(`"${word}" expected UTF-8 text, got other bytes in ${name}; convert it`);
  }
  return { text: new TextDecoder().decode(content), bytes, hash: hash.digest('hex') };
}

function tooLong(name: string): TpaError {
  const message = `the text of ${name} has more than ${MAX_TEXT_BYTES} bytes; score it in parts`;
  return new TpaError('PROMPT_TOO_LONG', message, { data: { limit: MAX_TEXT_BYTES } });
}
