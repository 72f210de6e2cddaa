import type { ByteSource } from '../../format/files/byte-source.ts';
import { openDownload, type Link } from './download.ts';
import { remoteSource } from './remote-source.ts';

/** Headers of 100 tensors in safetensors: 10 KB; of a vocabulary of 100,000 in GGUF: 5 MB. */
const FIRST_BYTES = 2 ** 13;
const MOST_BYTES = 2 ** 20;

/** Twice as much as has come, so that neither requests nor bytes are many more than are needed. */
const pieceBytes = (from: number): number => Math.min(Math.max(from, FIRST_BYTES), MOST_BYTES);

/**
 * A file of which the beginning is read: it is asked for in pieces, or let go where the server sends
 * all of it. Its size is infinite where nobody says it.
 *
 * @returns undefined where there is no such file
 */
export async function openHeader(
  file: string,
  address: URL,
  link: Link,
): Promise<ByteSource | undefined> {
  let download = await openDownload(file, address, { ...link, pieceBytes });
  if (download?.hidesSize) {
    // Seen from another origin a piece may have a length alone; the length of the rest tells more.
    download.suspend();
    download = await openDownload(file, address, link);
  }
  if (download === undefined) return undefined;
  return remoteSource(file, address, link, download, download.size ?? Infinity);
}
